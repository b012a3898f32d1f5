"""Engine.IO 4 and Socket.IO 5 as text, as far as the page uses them."""

import json
from dataclasses import dataclass
from typing import Any, Final

NAMESPACE: Final = "/_event"
STATE: Final = "reflex___state____state"
HYDRATE: Final = f"{STATE}.hydrate_and_load"
ON_LOAD: Final = f"{STATE}.reflex___state____on_load_internal_state.on_load_internal"
UPDATE_VARS: Final = f"{STATE}.reflex___state____update_vars_internal_state.update_vars_internal"
MARK: Final = "_rx_state_"

Json = Any


@dataclass(frozen=True, slots=True)
class Update:
    """What the server sent: new values by state and var, and events for the page."""

    delta: dict[str, dict[str, Json]]
    events: list[Json]
    #: Bytes on the wire.
    size: int


def connect(auth: Json = None) -> str:
    return f"40{NAMESPACE},{'' if auth is None else json.dumps(auth)}"


def event(name: str, *data: Json) -> str:
    return f"42{NAMESPACE},{json.dumps([name, *data])}"


def reflex_event(name: str, payload: Json = None, *, path: str = "/") -> dict[str, Json]:
    """An event as the page sends it."""
    return {
        "name": name,
        "payload": {} if payload is None else payload,
        "router_data": {"pathname": path, "asPath": path},
    }


def update_of(frame: str) -> Update | None:
    """The update in a frame; None for any other frame."""
    head = f"42{NAMESPACE},"
    if not frame.startswith(head):
        return None
    name, *data = json.loads(frame[len(head) :])
    if name != "event":
        return None
    return Update(
        delta=data[0].get("delta") or {}, events=data[0].get("events") or [], size=len(frame.encode())
    )
