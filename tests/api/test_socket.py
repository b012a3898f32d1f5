"""A conversation over a WebSocket, by a client that knows nothing of ours."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.one_server import server, upstream
from tests.api.process import ApiServer
from tests.e2e.saying import sayer
from tests.upstream import Upstream, text
from tests.waiting import until

__all__ = ["server", "upstream"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

#: Being made until it is stopped.
HELD = "[n:60 fault:hang at:20]"

Event = dict[str, Any]

SETTINGS = {"MAX_STREAMS_PER_USER": "50"}


@pytest_asyncio.fixture(loop_scope="module")
async def token(server: ApiServer) -> str:
    if not server.is_running:
        await asyncio.to_thread(server.start)
    return await asyncio.to_thread(server.token, "ann")


@asynccontextmanager
async def opened(server: ApiServer, token: str, place: str = "mine") -> AsyncGenerator[ClientConnection]:
    async with connect(
        f"ws://127.0.0.1:{server.port}/ws/chat/{place}?token={token}", proxy=None, max_size=None
    ) as socket:
        yield socket


async def say(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def hear(socket: ClientConnection) -> Event:
    async with asyncio.timeout(30):
        return json.loads(await socket.recv())


async def heard_to_end(socket: ClientConnection) -> list[Event]:
    """All up to a reply's end, or a refusal."""
    events: list[Event] = []
    while not events or events[-1]["type"] not in {"done", "error"}:
        events.append(await hear(socket))
    return events


async def closed_with(socket: ClientConnection, events: list[Event] | None = None) -> int | None:
    """Hears all that there still is."""
    while True:
        try:
            event = await hear(socket)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        if events is not None:
            events.append(event)


def said(events: list[Event]) -> str:
    return "".join(event["content"] for event in events if event["type"] == "chunk")


def logged(events: list[Event]) -> list[Event]:
    return [event for event in events if "seq" in event]


async def test_turns_follow_one_another_on_one_socket(server: ApiServer, token: str) -> None:
    """Also one that is sent while another is made: it waits, and says so; each event names its run."""
    async with opened(server, token, "turns") as socket:
        await say(socket, message="One [n:30 r:50]", agent="default")
        await say(socket, message="Two [n:5]", client_key="two")
        both = await heard_to_end(socket) + await heard_to_end(socket)
        runs = [event["run_id"] for event in both if event["type"] == "session"]
        of = [[event for event in both if event["run_id"] == run_id] for run_id in runs]
        assert [said(events) for events in of] == [text(30), text(5)]
        assert [events[0]["session_id"] for events in of] == ["turns", "turns"]
        assert "queued" in [event["type"] for event in of[1]]
        chunk = next(event for event in both if event["type"] == "chunk")
        assert {"type", "content", "agent", "seq"} <= chunk.keys()
        # The same request again is the same turn.
        await say(socket, message="Two [n:5]", client_key="two")
        again = await heard_to_end(socket)
        assert logged(again) == logged(of[1])


async def test_it_resumes_after_every_event(server: ApiServer, token: str) -> None:
    """While it is made and later, on other sockets."""
    async with opened(server, token, "resumed") as socket, opened(server, token, "resumed") as other:
        await say(socket, message="Go [n:60 r:100]")
        run_id = (await hear(socket))["run_id"]
        first = await hear(socket)
        await say(other, type="resume", run_id=run_id, after=first["seq"])
        whole = [first, *await heard_to_end(socket)]
        assert logged(await heard_to_end(other)) == logged(whole)[1:]
        assert said(whole) == text(60)
        for place, event in enumerate(whole[:-1]):
            await say(other, type="resume", run_id=run_id, after=event["seq"])
            assert logged(await heard_to_end(other)) == whole[place + 1 :]


async def test_a_cancel_ends_what_the_socket_reads(server: ApiServer, token: str, upstream: Upstream) -> None:
    """At the model's server too."""
    async with opened(server, token, "stopped") as socket:
        await say(socket, message=f"[id:cancelled] {HELD}")
        events: list[Event] = []
        while said(events) != text(20):
            events.append(await hear(socket))
        await say(socket, type="cancel")
        async with asyncio.timeout(1):
            assert (await heard_to_end(socket))[-1]["status"] == "stopped"
        [asked] = [one for one in upstream.requests if one.knobs.id == "cancelled"]
        await until(lambda: asked.outcome == "closed")


async def test_a_client_that_leaves_stops_nothing(server: ApiServer, token: str) -> None:
    """It comes back with the run's id."""
    async with opened(server, token, "left") as socket:
        await say(socket, message="Go [n:60 r:60]")
        run_id = (await hear(socket))["run_id"]
    async with opened(server, token, "left") as socket:
        await say(socket, type="resume", run_id=run_id)
        assert said(await heard_to_end(socket)) == text(60)


async def test_what_cannot_be_read_is_refused_in_words(server: ApiServer, token: str) -> None:
    """And the socket stays, until it has been too much."""
    wrong = ["", "{", "[]", "1", "null", "[" * 50_000, '{"message": 1}', '{"message": "x", "made": "up"}']
    wrong += ['{"type": "nothing"}', '{"type": {}}', '{"type": "resume"}', '{"type": "resume", "run_id": 1}']
    async with opened(server, token, "wrong") as socket:
        for frame in (*wrong, b"", b'{"message": "x"}'):
            await socket.send(frame)
            refused = await hear(socket)
            assert (refused["type"], refused["code"]) == ("error", "invalid"), frame
        for frame, code in (
            ({"message": ""}, "empty_message"),
            ({}, "empty_message"),
            ({"message": "x", "agent": "nobody"}, "unknown_agent"),
            ({"type": "resume", "run_id": "made-up"}, "not_found"),
            ({"type": "cancel", "run_id": "made-up"}, "not_found"),
        ):
            await say(socket, **frame)
            assert (await hear(socket))["code"] == code
        await say(socket, message="Still [n:3]")
        assert said(await heard_to_end(socket)) == text(3)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(20):
                await socket.send("{")
                await hear(socket)
        assert await closed_with(socket) == 1008


async def test_another_s_run_is_not_there(server: ApiServer, token: str) -> None:
    """And without a token there is no socket."""
    async with opened(server, token, "own") as socket:
        await say(socket, message="Go [n:3]")
        run_id = (await heard_to_end(socket))[0]["run_id"]
    ben = await asyncio.to_thread(server.token, "ben")
    async with opened(server, ben, "own") as socket:
        for kind in ("resume", "cancel"):
            await say(socket, type=kind, run_id=run_id)
            assert (await hear(socket))["code"] == "not_found"
    async with opened(server, "made-up", "own") as socket:
        assert await closed_with(socket) == 1008


async def test_text_that_looks_like_the_wire_arrives_as_text(
    server: ApiServer, token: str, upstream: Upstream
) -> None:
    """Whatever it looks like."""
    tricky = '42["event"]\n\n[DONE]\r{"type":"done"}\u2028\x85🙂'
    async with opened(server, token, "tricky") as socket:
        await say(socket, message=f"Go {sayer(upstream)(tricky)}")
        assert said(await heard_to_end(socket)) == tricky


async def test_a_deleted_conversation_is_told(server: ApiServer, token: str) -> None:
    """To whoever reads a reply in it; the socket stays."""
    async with opened(server, token, "gone") as socket:
        await say(socket, message=f"Go {HELD}")
        await hear(socket)
        await asyncio.to_thread(server.delete, "/api/sessions/gone", token)
        ended = (await heard_to_end(socket))[-1]
        assert ended.get("code") == "not_found" or ended.get("status") == "stopped"


async def test_a_server_that_stops_says_so(server: ApiServer, token: str) -> None:
    """1013: try later; also where nothing is read. The reply is had from the next process."""
    async with opened(server, token, "restarted") as socket, opened(server, token, "quiet") as quiet:
        await say(socket, message="Go [n:150 r:30]")
        run_id = (await hear(socket))["run_id"]
        events = [await hear(socket), await hear(socket)]
        stopping = asyncio.create_task(asyncio.to_thread(server.terminate))
        assert await closed_with(socket, events) == 1013
        assert await closed_with(quiet) == 1013
        assert await stopping == 0
    await asyncio.to_thread(server.start)
    async with opened(server, token, "restarted") as socket:
        await say(socket, type="resume", run_id=run_id, after=logged(events)[-1]["seq"])
        events += await heard_to_end(socket)
    assert said(events) == text(150)
