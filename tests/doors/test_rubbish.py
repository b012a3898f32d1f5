"""Hypothesis at the real app's door: whatever it sends, the app lives, forgets, and logs no exception."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.house import House, handlers
from tests.wire import Closed, Tab, guest_cookie
from tests.wire.packets import HYDRATE, UPDATE_VARS, connect, event, reflex_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = [one.name for one in handlers() if one.name not in {HYDRATE, UPDATE_VARS}]
ARGUMENTS = sorted({argument for one in handlers() for argument in one.arguments})


def called(name: str, payload: Any, path: str) -> str:
    return event("event", reflex_event(name, payload, path=path))


# Well-formed calls with wrong arguments go deepest; frames that are cut off at the door end an example early.
CALLS = st.builds(
    called,
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(ARGUMENTS), JSON, max_size=4),
    st.text(max_size=30),
)
ODD = (
    st.text(max_size=80)
    | st.binary(max_size=80)
    | st.builds(lambda value: "42/_event," + json.dumps(value), JSON)
    | st.builds(
        lambda head, rest: head + rest,
        st.sampled_from(["1", "3", "40", "41", "42", "45"]),
        st.text(max_size=9),
    )
    | st.builds(lambda value: event("client_error", value), JSON)
)


def test_rubbish(house: House) -> None:
    """Sixty sockets with up to twelve calls and one odd frame each."""
    before, rows, log = house.inside(), house.rows(), len(house.server.log)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(CALLS, max_size=12), ODD)
    def attack(calls: list[str], odd: str | bytes) -> None:
        asyncio.run(visit(house, [connect(), *calls, odd]))

    attack()
    now = asyncio.run(
        house.settled({**before, "states": before["states"] + 60, "locks": before["locks"] + 60})
    )
    for name in ("sockets", "sids", "tokens", "environs", "router_data", "attachments"):
        assert now[name] == before[name], name
    # Fewer there may be: what others deleted before is purged meanwhile.
    assert all(house.rows()[name] <= rows[name] for name in ("conversations", "messages", "runs"))
    assert asyncio.run(house.is_alive())
    assert "Traceback" not in house.server.log[log:]


async def visit(house: House, frames: list[str | bytes]) -> None:
    async with Tab.opened(house.url, cookie=guest_cookie(house.url)) as tab:
        with suppress(Closed):
            for frame in frames:
                await tab.send_frame(frame)
            await tab.quiet_for(0.05)
