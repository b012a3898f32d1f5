"""The packets that a page may send, and no others.

The wire is Engine.IO 4 with Socket.IO 5 inside (socket.io/docs/v4: engine-io-protocol, socket-io-protocol).
What is let through is written anew from what was understood, so that no parser behind can read it otherwise.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

NAMESPACE: Final = "/_event"
HYDRATE: Final = "reflex___state____state.hydrate_and_load"
UPDATE_VARS: Final = (
    "reflex___state____state.reflex___state____update_vars_internal_state.update_vars_internal"
)

MAX_NAME_CHARS: Final = 300
#: Handlers take strings, numbers and small forms; nothing of ours nests deeper than 4.
MAX_DEPTH: Final = 8
MAX_NODES: Final = 2_000
#: Reflex remembers the route of each path it was told, up to 4,096 of them.
MAX_PATH_CHARS: Final = 1_024
MAX_QUERY_ITEMS: Final = 20
#: A draft of the longest message, every character escaped.
MAX_STORAGE_CHARS: Final = 400_000
MAX_REPORT_CHARS: Final = 500
MAX_HASHES: Final = 500

_DECODER: Final = json.JSONDecoder(
    # NaN and Infinity are no JSON, and no browser sends them.
    parse_constant=lambda name: _refuse(f"{name} in JSON")
)


class Refused(Exception):
    """The connection is not one of our pages; it is closed."""


def _refuse(why: str) -> Any:
    raise Refused(why)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRules:
    """What the app knows and the guard does not."""

    #: Whether a browser may name this handler.
    is_handler: Callable[[str], bool]
    #: The vars that may come out of a browser's storage.
    storage_vars: Callable[[], frozenset[str]]


class Inbound:
    """Reads one connection's frames, in order."""

    #: The page never sends any, and Socket.IO would keep them for a message that names them.
    hands_on_bytes: bool = False

    def __init__(self, rules: EventRules) -> None:
        self._rules: EventRules = rules
        self._open: bool = False
        self._over: bool = False
        self._pings: int = 0

    @property
    def connected(self) -> bool:
        """Whether the page has joined the namespace."""
        return self._open

    def ping_sent(self) -> None:
        """We sent a ping: one pong is welcome."""
        self._pings += 1

    def read(self, frame: str) -> str | None:
        """The frame to hand on; None for one that is dropped in silence. Raises `Refused`."""
        if frame == "1":
            return frame
        if frame == "3":
            return self._pong()
        for prefix, read in (("40", self._connect), ("41", self._disconnect), ("42", self._event)):
            if frame.startswith(prefix):
                return read(_after_namespace(frame))
        raise Refused("packet type")

    def _pong(self) -> str | None:
        # Each pong makes engine.io schedule a ping: unasked ones would pile up.
        if self._pings == 0:
            return None
        self._pings -= 1
        return "3"

    def _connect(self, rest: str) -> str:
        if self._open or self._over:
            raise Refused("second connect")
        auth = _object(_json(rest)) if rest else {}
        sent: dict[str, Any] = {}
        if auth.get("event") is not None:
            sent["event"] = self._reflex_event(_object(auth["event"]))
            if sent["event"] is None or sent["event"]["name"] != HYDRATE:
                raise Refused("first event")
        # The page's `state_schema` is not handed on: Reflex would answer one that is not the server's with a
        # reload, whatever a person is doing just then. The page itself says that there is a new version.
        self._open = True
        return f"40{NAMESPACE},{_dump(sent) if sent else ''}"

    def _disconnect(self, rest: str) -> str:
        if not self._open or rest:
            raise Refused("disconnect")
        self._open, self._over = False, True
        return f"41{NAMESPACE},"

    def _event(self, rest: str) -> str | None:
        if not self._open:
            raise Refused("event before connect")
        match _json(rest):
            case ["ping"]:
                return f'42{NAMESPACE},["ping"]'
            case ["client_error", report]:
                return self._emit("client_error", _report(_object(report)))
            case ["event", event]:
                understood = self._reflex_event(_object(event))
                return None if understood is None else self._emit("event", understood)
            case _:
                raise Refused("socket event")

    def _emit(self, name: str, data: Mapping[str, Any]) -> str:
        return f"42{NAMESPACE},{_dump([name, data])}"

    def _reflex_event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event in our words; None when no browser may call its handler (a page of an older version may
        still name one that is gone: that is no reason to cut it off)."""
        name = _text(event.get("name"), MAX_NAME_CHARS)
        if not self._rules.is_handler(name):
            return None
        payload = _object(event.get("payload") or {})
        if name in {HYDRATE, UPDATE_VARS}:
            payload = self._storage_payload(payload)
        else:
            _measure(payload)
        return {"name": name, "payload": payload, "router_data": _router_data(event.get("router_data") or {})}

    def _storage_payload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        if not payload.keys() <= {"vars", "hashes"}:
            raise Refused("hydrate payload")
        kept: dict[str, Any] = {}
        if payload.get("vars") is not None:
            given = _object(payload["vars"])
            if not given.keys() <= self._rules.storage_vars():
                raise Refused("storage var")
            kept["vars"] = {name: _stored(value) for name, value in given.items()}
        if payload.get("hashes") is not None:
            kept["hashes"] = [_text(value, 64) for value in _items(payload["hashes"])[:MAX_HASHES]]
        return kept


def _after_namespace(frame: str) -> str:
    """What follows the namespace: only ours, no attachments before it, no acknowledgement id after it."""
    head = f"{frame[:2]}{NAMESPACE},"
    if not frame.startswith(head):
        raise Refused("namespace")
    rest = frame[len(head) :]
    if rest and rest[0] not in "{[":
        raise Refused("packet id")
    return rest


def _json(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise Refused("JSON") from None


def _dump(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise Refused("JSON") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused("not an object")
    return cast("dict[str, Any]", value)


def _items(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise Refused("not a list")
    return cast("list[Any]", value)


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise Refused("text")
    return value


def _stored(value: object) -> str | None:
    return None if value is None else _text(value, MAX_STORAGE_CHARS)


def _measure(value: object) -> None:
    """Refuse what is nested too deeply or has too many parts; the frame's length bounds the rest."""
    level, seen = [value], 0
    for _ in range(MAX_DEPTH):
        inner = [part for item in level for part in _parts(item)]
        seen += len(inner)
        if seen > MAX_NODES:
            raise Refused("too many parts")
        if not inner:
            return
        level = inner
    raise Refused("too deep")


def _parts(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []


def _router_data(data: object) -> dict[str, Any]:
    """Where the page is: the three things it sends, cut short, since a link can be of any length."""
    given = _object(data)
    kept: dict[str, Any] = {
        key: given[key][:MAX_PATH_CHARS] for key in ("pathname", "asPath") if isinstance(given.get(key), str)
    }
    query = _object(given.get("query") or {})
    if query:
        kept["query"] = {
            name[:MAX_PATH_CHARS]: value[:MAX_PATH_CHARS]
            for name, value in list(query.items())[:MAX_QUERY_ITEMS]
            if isinstance(value, str)
        }
    return kept


def _report(report: Mapping[str, Any]) -> dict[str, str]:
    """A page's report of its own error, cut to what is counted."""
    return {
        key: report[key][:MAX_REPORT_CHARS]
        for key in ("error_type", "substate", "message")
        if isinstance(report.get(key), str)
    }
