"""Programs' sockets: who may open one, what they are told who may not, and how they end."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chatapp.api import guard as guard_module
from chatapp.api.guarded_socket import AHEAD_BYTES
from tests.api.asgi import Peer, socket_scope, until
from tests.api.test_guard import POLICY, House, house

PATH = "/ws/chat/some-conversation"
BEARER = {"authorization": "Bearer good"}
NOTHING = {"origin": None, "cookie": None}


async def came(there: House, *, query: str = "", **headers: str | None) -> Peer:
    """A program at the door; without a word about who it is, unless it says one."""
    changes: dict[str, Any] = {"path": PATH, "query_string": query.encode(), "headers": NOTHING | headers}
    return await there.visit(**changes)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"authorization": "Bearer good"}),
        ("", {"authorization": "Bearer good", "origin": "https://evil.example"}),
        ("token=good", {}),
        ("after=3&token=good", {"origin": "https://evil.example"}),
        ("", {"cookie": "chatapp_login=good", "origin": "http://localhost:3000"}),
    ],
)
async def test_who_has_a_login_is_let_in(query: str, headers: dict[str, str]) -> None:
    async with house() as there:
        peer = await came(there, query=query, **headers)
        peer.say('{"message": "hi"}')
        await until(lambda: peer.texts == ['{"message": "hi"}'])
        # Whoever is behind the guard has no secret to log.
        assert b"good" not in there.app.scopes[0]["query_string"]
        assert (b"after=3" in there.app.scopes[0]["query_string"]) == ("after" in query)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("token=bad", {}),
        ("token=", {}),
        ("token=good&token=good", {}),
        ("", {"authorization": "Bearer bad"}),
        # A cookie is our own pages'; and beside a bearer it is nothing.
        ("", {"cookie": "chatapp_login=good"}),
        ("", {"cookie": "chatapp_login=good", "origin": "https://evil.example"}),
        ("token=bad", {"cookie": "chatapp_login=good", "origin": "http://localhost:3000"}),
        ("token=good", {"authorization": "Bearer bad"}),
    ],
)
async def test_who_has_none_is_told_so(query: str, headers: dict[str, str]) -> None:
    async with house() as there:
        peer = await came(there, query=query, **headers)
        await until(lambda: peer.close_code is not None)
        assert peer.types == ["websocket.accept", "websocket.close"]
        assert peer.close_code == 1008
        assert "/api/token" in peer.sent[-1]["reason"]
        assert len(peer.sent[-1]["reason"].encode()) <= 123
        assert there.app.scopes == []
        await until(lambda: there.remembers == 0)


@pytest.mark.parametrize("what", ["address", "account", "pace"])
async def test_too_many_come_back_later(what: str) -> None:
    policies = {
        "address": replace(POLICY, connections_per_address=2),
        "account": replace(POLICY, program_connections_per_account=2),
        "pace": replace(POLICY, connections_per_address=1),
    }
    async with house(policies[what]) as there:
        for _ in range(2):
            peer = await came(there, **BEARER)
            if what == "pace":
                peer.leave()
                await until(lambda: there.remembers == 0)
        peer = await came(there, **BEARER)
        await until(lambda: peer.close_code is not None)
        assert peer.close_code == 1013
        assert there.app.open == (0 if what == "pace" else 2)


async def test_many_readers_of_one_login_are_let_in() -> None:
    """More than a browser has tabs."""
    async with house(replace(POLICY, connections_per_address=1000)) as there:
        for _ in range(200):
            await came(there, **BEARER)
        await until(lambda: there.app.open == 200)


async def test_an_ended_login_ends_its_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "ROUND", timedelta(seconds=0.05))
    async with house() as there:
        peer, other = await came(there, **BEARER), await came(there, authorization="Bearer good2")
        there.logins.ended_ids.add("good")
        await until(lambda: peer.close_code is not None)
        assert (peer.close_code, peer.sent[-1]["reason"]) == (1008, "login ended")
        assert other.close_code is None
        await until(lambda: there.app.open == 1)


@pytest.mark.parametrize("what", ["long", "many"])
async def test_floods_are_cut(what: str) -> None:
    async with house(replace(POLICY, frame_burst=5, frames_per_second=0.1, max_frame_chars=100)) as there:
        peer = await came(there, **BEARER)
        for text in ["x" * 101] if what == "long" else ["x"] * 6:
            peer.say(text)
        await until(lambda: peer.close_code is not None)
        assert peer.close_code == 1008


async def test_who_reads_slowly_holds_up_what_is_sent_and_loses_nothing() -> None:
    """A long replay is more than anybody reads at once; a page's socket would be cut for as much."""
    frame, count, peer, sent = "x" * 10_000, 300, Peer(), list[int]()

    async def replays(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        peer.reads.clear()
        for number in range(count):
            await send({"type": "websocket.send", "text": frame})
            sent.append(number)
        await send({"type": "websocket.close", "code": 1000})

    async with house() as there:
        there.guard._app = replays
        scope = socket_scope(path=PATH, query_string=b"token=good", headers=NOTHING)
        there.tasks.append(asyncio.create_task(there.guard(scope, peer.receive, peer.send)))
        held_at = AHEAD_BYTES // len(frame)
        await until(lambda: len(sent) >= held_at)
        # Time enough for all of it, if nothing held it up.
        await asyncio.sleep(0.2)
        assert len(sent) <= held_at + 2
        assert peer.texts == []
        peer.reads.set()
        await until(lambda: peer.close_code is not None)
        assert (len(peer.texts), peer.close_code) == (count, 1000)


async def test_who_does_not_read_at_all_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "ROUND", timedelta(seconds=0.05))
    async with house(replace(POLICY, max_backlog_age=timedelta(seconds=0.2))) as there:
        peer = await came(there, **BEARER)
        await until(lambda: there.app.open == 1)
        peer.reads.clear()
        for _ in range(3):
            peer.say("x" * 50_000)
        await until(lambda: there.app.open == 0)
        peer.reads.set()
        await until(lambda: there.remembers == 0)
