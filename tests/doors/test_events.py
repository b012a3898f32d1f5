"""What a client that has a login may not do with it, on a socket that was let in."""

import asyncio
import json
from contextlib import nullcontext, suppress
from typing import Any
from uuid import uuid4

import pytest
from reflex_base.registry import RegistrationContext

from chatapp.ui.gate import Who, policy
from tests.doors.house import CHAT, Handler, House, Sent, all_names, handlers, send
from tests.doors.operations import CALLS, short
from tests.wire import Closed, Tab, guest_cookie
from tests.wire.packets import HYDRATE, MARK, STATE, UPDATE_VARS, connect, event, reflex_event


async def test_no_setvar_on_any_state(house: House) -> None:
    """Reflex has one on every state; through it any set_* method could be reached."""
    states = RegistrationContext.ensure_context().base_states
    async with house.guest() as tab:
        await tab.quiet_for(0.5)
        for number, state in enumerate(sorted(states)):
            await tab.emit(f"{state}.setvar", {"var_name": "is_hydrated", "value": number})
        assert await tab.quiet_for(1) == []
        assert await tab.answers()
    assert await house.is_alive()


async def test_no_handler_that_is_not_for_browsers(house: House) -> None:
    closed = [name for name in all_names() if policy(name) in {Who.SERVER, Who.NOBODY}]
    invented = [
        f"{STATE}.{name}" for name in ("x", "__init__", "_mark_dirty", "reset", "get_state", "set_x", "")
    ]
    async with house.guest() as tab:
        await tab.quiet_for(0.5)
        for name in [*closed, *invented, "", "_redirect", "hydrate", f"{CHAT}._open", f"{CHAT}.model"]:
            await tab.emit(name, {"value": True})
        assert await tab.quiet_for(1) == []
        assert await tab.answers()
    assert await house.is_alive()


@pytest.mark.parametrize("name", [HYDRATE, UPDATE_VARS])
@pytest.mark.parametrize(
    "var", [f"{STATE}.is_hydrated", f"{CHAT}.cid", f"{CHAT}._live", "x.y", "", "__class__"]
)
async def test_no_forged_storage(house: House, name: str, var: str) -> None:
    """Storage is the client's word; the app keeps nothing there, so none is taken."""
    before = house.inside()
    async with Tab.opened(house.url, cookie=guest_cookie(house.url)) as tab:
        boot = reflex_event(name, {"vars": {f"{var}{MARK}": "forged"}})
        if name == HYDRATE:
            await tab.send_frame(connect({"event": boot}))
            assert await tab.closed() == 1008
            assert (await house.settled(before))["states"] == before["states"]
            return
        await tab.join()
        await tab.send_frame(event("event", boot))
        assert await tab.closed() == 1008
    assert await house.is_alive()


@pytest.mark.parametrize(
    "frames",
    [
        ["rubbish"],
        [""],
        ["2probe"],
        ["5"],
        ["40"],
        ["40/admin,"],
        ["42/_event,[]"],
        [event("event", {})],
        [connect(), connect()],
        [connect(), event("connect", {}, {})],
        [connect(), event("disconnect")],
        [connect(), event("trigger_event", "x")],
        [connect(), event("event", "text")],
        [connect(), event("event", [])],
        [connect(), event("event", {"name": 5})],
        [connect(), event("event", {"name": f"{CHAT}.stop", "payload": [1]})],
        [connect(), event("event", {"name": f"{CHAT}.stop", "payload": {"a": [[[[[[[[[1]]]]]]]]]}})],
        [connect(), event("event", {"name": f"{CHAT}.stop", "payload": {"a": [0] * 5000}})],
        [connect(), '42/_event,["event",' + "[" * 50_000],
        [connect(), '42/_event,7["event",{}]'],
        [connect(), '451-/_event,["event",{"_placeholder":true,"num":0}]', b"x" * 1000],
        [connect(), '459-/_event,["event",{"_placeholder":true,"num":0}]'],
        [connect(), b"\x00\x01\x02"],
        [b""],
        ["b4" + "A" * 1000],
        [connect(), "4" + "x" * 1_000_001],
        ["4" + "x" * 20_000_000],
    ],
    ids=lambda frames: repr(frames)[:60],
)
async def test_malformed_packets_end_the_socket(house: House, frames: list[str | bytes]) -> None:
    async with Tab.opened(house.url, cookie=guest_cookie(house.url)) as tab:
        with suppress(Closed):
            for frame in frames:
                await tab.send_frame(frame)
        # Frames over 16 MiB the server itself hangs up on, with no code or none that arrives.
        assert await tab.closed() in ({1005, 1006} if len(frames[-1]) > 2**24 else {1008})
    inside = house.inside()
    assert inside["attachments"] == 0
    assert await house.is_alive()


async def test_a_socket_that_ends_is_forgotten(house: House) -> None:
    before = house.inside()
    for frame in ("rubbish", event("ping"), b"x"):
        async with Tab.opened(house.url, cookie=guest_cookie(house.url)) as tab:
            await tab.join()
            await tab.send_frame(frame)
    now = await house.settled({**before, "states": before["states"] + 3, "locks": before["locks"] + 3})
    assert {name: now[name] for name in ("sockets", "sids", "tokens", "environs", "router_data")} == {
        name: before[name] for name in ("sockets", "sids", "tokens", "environs", "router_data")
    }


SEARCH = "reflex___state____state.chatapp___ui___searching____search.find"
RUBBISH: list[Any] = [
    None,
    5,
    -1.5,
    True,
    "",
    "x",
    "\0",
    "\ud800",
    "../..",
    "x" * 3000,
    [],
    [1],
    {},
    {"id": 1},
]


@pytest.mark.parametrize("handler", handlers(), ids=lambda handler: handler.name.rpartition(".")[2])
async def test_arguments_of_any_kind(house: House, handler: Handler) -> None:
    """Annotations check nothing: each handler meets every kind of value, too few and too many arguments."""
    if handler.name in {HYDRATE, UPDATE_VARS}:
        return
    async with house.guest() as tab:
        for value in RUBBISH:
            await tab.emit(handler.name, dict.fromkeys(handler.arguments, value))
        await tab.emit(handler.name, {})
        await tab.emit(handler.name, {"self": 1, "state": 2, "principal": 3, "__class__": 4})
        await tab.emit(handler.name, {**dict.fromkeys(handler.arguments, "x"), "owner_id": "x"})
        with suppress(Closed) if CALLS[short(handler.name)].ends else nullcontext():
            assert await tab.answers()
    assert await house.is_alive()


def theirs(house: House, victim: Sent) -> list[tuple[Any, ...]]:
    """All rows that name something of the victim's."""
    rows = [row for table in house.content().values() for row in table]
    return [row for row in rows if set(victim.ids) & set(map(str, row))]


@pytest.mark.parametrize("handler", handlers(), ids=lambda handler: handler.name.rpartition(".")[2])
async def test_ids_of_somebody_else(house: House, handler: Handler) -> None:
    """Every handler, every argument, every id of another person: nothing of theirs is shown or changed."""
    if handler.name in {HYDRATE, UPDATE_VARS}:
        return
    victim = await send(house, f"my secret {uuid4()}")
    before = theirs(house, victim)
    async with house.guest() as tab:
        for stolen in victim.ids:
            path = f"/c/{victim.conversation_id}"
            for argument in handler.arguments or ("none",):
                others = {name: uuid4().hex for name in handler.arguments}
                await tab.emit(
                    handler.name, {**others, **({argument: stolen} if handler.arguments else {})}, path=path
                )
        # Who has logged out is cut off; what was told until then counts all the same.
        with suppress(Closed) if CALLS[short(handler.name)].ends else nullcontext():
            await tab.quiet_for(1)
            assert await tab.answers()
        assert victim.text not in json.dumps(tab.state)
    # A stranger may take such an id for a name.
    assert [row for row in theirs(house, victim) if row in before] == before


async def test_an_address_of_somebody_else(house: House) -> None:
    """Not yours and not there look the same."""
    victim = await send(house, f"my secret {uuid4()}")
    seen: list[Any] = []
    for conversation_id in (victim.conversation_id, uuid4().hex):
        async with Tab.opened(house.url, cookie=guest_cookie(house.url)) as tab:
            await tab.join(path=f"/c/{conversation_id}")
            await tab.quiet_for(0.7)
            assert victim.text not in json.dumps(tab.state)
            chat = dict(next(values for name, values in tab.state.items() if name == CHAT))
            seen.append({**chat, f"cid{MARK}": ""})
    assert seen[0] == seen[1]


async def test_somebody_elses_token_opens_nothing(house: House) -> None:
    """While they are there, and while they are away: what they looked for is still in their tab's state."""
    victim = await send(house, f"my secret {uuid4()}")
    async with Tab.opened(house.url, cookie=victim.cookie, token=victim.token) as theirs:
        await theirs.join(path=f"/c/{victim.conversation_id}")
        await theirs.emit(SEARCH, {"query": "secret"})
        await theirs.until(lambda: bool(theirs.var("search", "found")))
        async with Tab.opened(house.url, cookie=guest_cookie(house.url), token=victim.token) as mine:
            await mine.send_frame(connect())
            await mine.emit(f"{CHAT}.dismiss")
            await mine.quiet_for(1)
            assert victim.text not in json.dumps(mine.state)
            assert victim.conversation_id not in json.dumps(mine.state)
        assert await theirs.answers()
    async with house.guest(token=victim.token) as mine:
        assert mine.var("search", "found") == []
        assert victim.conversation_id not in json.dumps(mine.state)
    async with Tab.opened(house.url, cookie=victim.cookie, token=victim.token) as theirs:
        await theirs.join()
        assert theirs.var("search", "found")


async def test_the_login_cookie_is_not_in_any_state(house: House) -> None:
    cookie = guest_cookie(house.url)
    async with house.guest(cookie, headers={"Authorization": "Bearer hidden-token"}) as tab:
        text = json.dumps(tab.state)
    assert cookie.partition("=")[2] not in text
    assert "hidden-token" not in text


@pytest.mark.parametrize(
    "statement", ["UPDATE logins SET revoked_at = ?", "UPDATE accounts SET disabled_at = ?"]
)
async def test_an_ended_login_is_out_within_5_s(small_house: House, statement: str) -> None:
    """The open socket is cut, the cookie shows nothing but that, and a new visit is a new guest."""
    sent = await send(small_house, "hello")
    async with small_house.guest(sent.cookie) as tab:
        started = asyncio.get_running_loop().time()
        small_house.change(statement, "2026-11-21 10:00:00.000000")
        assert await tab.closed() == 1008
        assert asyncio.get_running_loop().time() - started < 5
    async with Tab.opened(small_house.url, cookie=sent.cookie, token=sent.token) as tab:
        await tab.join(path=f"/c/{sent.conversation_id}")
        await tab.emit(f"{CHAT}.send", {"key": "k", "conversation_id": "c", "text": "x", "model": ""})
        await tab.quiet_for(1)
        assert tab.var("side", "signed_out")
        assert sent.text not in json.dumps(tab.state)
        assert tab.var("chat", "acked") == []
    answer = small_house.server.get("/api/enter.js", Cookie=sent.cookie)
    assert answer.headers["set-cookie"].partition(";")[0] != sent.cookie
    assert await small_house.is_alive()
