"""Replies as server-sent events, over real sockets: no gap, nothing twice, whoever leaves and comes back."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import httpx
import pytest
import pytest_asyncio

from tests.api.one_server import server, upstream
from tests.api.process import ApiServer, api_servers
from tests.api.program import Program, Read
from tests.e2e.saying import sayer
from tests.upstream import Upstream, text
from tests.waiting import eventually, until

__all__ = ["server", "upstream"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

#: Being made until it is stopped.
HELD = "[n:60 fault:hang at:20]"

SETTINGS = {"SSE_KEEPALIVE_INTERVAL": "1", "MAX_STREAMS_PER_USER": "50"}


@pytest_asyncio.fixture(loop_scope="module")
async def ann(server: ApiServer) -> AsyncGenerator[Program]:
    if not server.is_running:
        await asyncio.to_thread(server.start)
    async with Program.of(server, "ann") as program:
        yield program


async def test_a_reply_is_streamed_and_replayed(ann: Program) -> None:
    """The session first, the text byte for byte, one end; what is asked for later is the same."""
    read = await ann.says("Go [n:80 r:200]", session_id="mine")
    assert read.kinds[0] == "session"
    assert read.kinds.count("done") == 1
    assert read.kinds[-1] == "done"
    assert read.text == text(80)
    done = read.events[-1][1]
    assert done["status"] == "complete"
    assert done["tokens_used"] == sum(done["usage"].values()) > 0
    first = read.events[0][1]
    assert first["session_id"] == "mine"
    assert (await ann.follows(read.run_id)).events == read.events
    run = (await ann.client.get(f"/api/runs/{read.run_id}")).json()
    assert (run["status"], run["session_id"], run["message_id"]) == (
        "complete",
        "mine",
        first["message_id"],
    )


async def test_it_resumes_after_every_event(ann: Program) -> None:
    """While it is made and after its end, by header and by query."""
    whole, live = Read(), list[tuple[int, asyncio.Task[Read]]]()
    streamed = ann.streams("POST", "/api/chat/stream", json={"message": "Go [n:120 r:200]"})
    async for number, event in streamed:
        whole.events.append((number, event))
        if number:
            live.append((int(number), asyncio.create_task(ann.follows(whole.run_id, after=int(number)))))
    assert len(live) > 8
    for number, task in live:
        expected = [(seq, event) for seq, event in whole.logged if seq > number]
        assert (await task).logged == expected, number
        assert (await ann.follows(whole.run_id, after=number)).logged == expected, number
        by_query = await ann.reads("GET", f"/api/runs/{whole.run_id}/events?after={number}")
        assert by_query.logged == expected, number
    assert (await live[-1][1]).kinds == ["session"]


async def test_a_client_survives_a_kill(server: ApiServer, ann: Program) -> None:
    """kill -9 in mid-reply: it comes back with its last id, and has each byte once."""
    read, wanted = Read(), {"message": "Go [n:150 r:60]", "client_key": "once"}
    reader = asyncio.create_task(ann.reads("POST", "/api/chat/stream", json=wanted, into=read))
    await until(lambda: len(read.text) > 150)
    await asyncio.to_thread(server.kill)
    with pytest.raises(httpx.HTTPError):
        await reader
    assert len(read.text) < len(text(150))
    await asyncio.to_thread(server.start)
    await ann.follows(read.run_id, into=read, after=read.last_id)
    numbers = [number for number, _ in read.logged]
    assert numbers == sorted(set(numbers))
    assert read.text == text(150)
    assert read.kinds.count("done") == 1
    assert "attempt" in read.kinds
    # Whoever did not get as far as the run's name asks again by its own.
    again = await ann.reads("POST", "/api/chat/stream", json=wanted)
    assert (again.run_id, again.text) == (read.run_id, text(150))


async def test_another_s_run_is_not_there(server: ApiServer, ann: Program) -> None:
    """Whatever is asked of it; and rubbish is refused in words."""
    read = await ann.says("[n:3]")
    async with Program.of(server, "ben") as ben:
        for who in (ben, ann):
            run_id = read.run_id if who is ben else "made-up"
            for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
                answer = await who.client.request(method, f"/api/runs/{run_id}{path}")
                assert answer.status_code == 404
                assert answer.json()["code"] == "not_found"
    for rubbish in ("x", "-1", "1.5", "9" * 30):
        for where in ({"params": {"after": rubbish}}, {"headers": {"Last-Event-ID": rubbish}}):
            answer = await ann.client.get(f"/api/runs/{read.run_id}/events", **where)  # pyright: ignore
            assert answer.status_code == 422, where
            assert answer.headers["content-type"] == "application/problem+json"
    for more in ({"message": ""}, {"message": 1}, {"no": "y"}, {"agent": "nobody"}, {"session_id": "a b"}):
        body = {"message": "x", **more}
        assert (await ann.client.post("/api/chat/stream", json=body)).status_code == 422, body
    headers = {"Authorization": "Bearer x"}
    nobody = await ann.client.post("/api/chat/stream", json={"message": "x"}, headers=headers)
    assert nobody.status_code == 401


async def test_text_that_looks_like_the_wire_arrives_as_text(ann: Program, upstream: Upstream) -> None:
    """Framing, ends of streams and of lines, Socket.IO's packets, half a line's end."""
    said = 'data: x\n\nid: 9\n\n[DONE]\ndata: [DONE]\r\r\n42["event"]\u2028\u2029\x85: ping\n\n🙂\ufeffend'
    read = await ann.says(f"Go {sayer(upstream)(said)}")
    assert read.text == said
    assert (await ann.follows(read.run_id)).text == said


async def test_a_stop_ends_the_stream_and_the_asking(ann: Program, upstream: Upstream) -> None:
    """Within a second."""
    read = Read()
    reader = asyncio.create_task(ann.says(f"[id:held] {HELD}", into=read))
    await until(lambda: read.text == text(20))
    started = monotonic()
    answer = await ann.client.post(f"/api/runs/{read.run_id}/cancel")
    assert answer.status_code == 202
    await reader
    [asked] = [one for one in upstream.requests if one.knobs.id == "held"]
    await until(lambda: asked.outcome == "closed")
    assert monotonic() - started < 1
    assert read.events[-1][1]["status"] == "stopped"
    assert read.text == text(20)


async def test_who_leaves_is_noticed_and_stops_nothing(ann: Program) -> None:
    """Also while nothing happens; the reply goes on without readers."""
    streamed = ann.streams("POST", "/api/chat/stream", json={"message": "Go [n:100 r:50]"})
    run_id = (await anext(streamed))[1]["run_id"]
    held = ann.streams("POST", "/api/chat/stream", json={"message": f"Held {HELD}"})
    await anext(held)
    assert await open_streams(ann) == 2
    await streamed.aclose()
    await held.aclose()

    async def nobody_reads() -> bool:
        return await open_streams(ann) == 0

    await eventually(nobody_reads, seconds=3)
    assert (await ann.follows(run_id)).text == text(100)


async def test_a_quiet_stream_says_that_it_is_there(ann: Program) -> None:
    """In comments, which clients pass over."""
    async with ann.client.stream("POST", "/api/chat/stream", json={"message": f"Go {HELD}"}) as answer:
        seen = ""
        async with asyncio.timeout(20):
            async for part in answer.aiter_text():
                seen += part
                if seen.count(": keep-alive\n\n") == 2:
                    break


async def test_nothing_buffers_a_stream(ann: Program) -> None:
    """Whatever encodings the client would take, text is there long before the end, with the right headers."""
    wanted = {"message": f"Go {HELD}"}
    headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    async with ann.client.stream("POST", "/api/chat/stream", json=wanted, headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in answer.headers
        async with asyncio.timeout(20):
            async for part in answer.aiter_text():
                if "chunk" in part:
                    break


async def test_two_hundred_read_one_reply(server: ApiServer, ann: Program) -> None:
    """Each has all of it, and soon after the first one had it."""
    read = Read()
    said = asyncio.create_task(ann.says("Go [n:60 r:30 t:3000]", into=read))
    await until(lambda: read.events)
    heard = await asyncio.gather(*(heard_at(server, ann, read.run_id) for _ in range(200)))
    await said
    assert {words for words, _ in heard} == {text(60)}
    late: list[float] = []
    for number, _ in read.logged:
        times = [at[number] for _, at in heard]
        late += [one - min(times) for one in times]
    # 31 ms where 300 are promised, measured on two cores that did much else.
    assert sorted(late)[int(0.95 * len(late))] < 1


async def heard_at(server: ApiServer, who: Program, run_id: str) -> tuple[str, dict[int, float]]:
    """What a plain socket hears of a run, and when each event came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"GET /api/runs/{run_id}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {who.token}"
    writer.write(f"{head}\r\n\r\n".encode())
    words, at, event = "", dict[int, float](), dict[str, str]()
    while event.get("type") != "done":
        line = await reader.readline()
        if line.startswith(b"id: "):
            at[int(line[4:])] = monotonic()
        elif line.startswith(b"data: "):
            event = json.loads(line[6:])
            words += event["content"] if event["type"] == "chunk" else ""
    writer.close()
    return words, at


async def test_places_in_the_queue_are_told(tmp_path: Path, upstream: Upstream) -> None:
    """Until the reply begins."""
    with api_servers(tmp_path) as start:
        server = await asyncio.to_thread(
            start, OPENAI_BASE_URL=upstream.base_url, MAX_CONCURRENT_STREAMS="1", MAX_STREAMS_PER_USER="1"
        )
        async with Program.of(server, "ann") as ann:
            held = ann.streams("POST", "/api/chat/stream", json={"message": f"Held {HELD}"})
            run_id = (await anext(held))[1]["run_id"]
            await anext(held)
            readings = [Read(), Read()]
            readers: list[asyncio.Task[Read]] = []
            for read in readings:
                readers.append(asyncio.create_task(ann.says("Go [n:3]", into=read)))
                await until(lambda read=read: "queued" in read.kinds)
            await ann.client.post(f"/api/runs/{run_id}/cancel")
            await asyncio.gather(*readers)
            await held.aclose()
    assert [read.places for read in readings] == [[1], [2, 1]]
    assert [read.text for read in readings] == [text(3)] * 2


async def test_a_shutdown_is_not_held_up_by_readers(server: ApiServer, ann: Program) -> None:
    """The server leaves in time, and the reply is taken up by the next one."""
    read = Read()
    reader = asyncio.create_task(ann.says("Go [n:150 r:30]", into=read))
    await until(lambda: len(read.text) > 150)
    started = monotonic()
    assert await asyncio.to_thread(server.terminate) == 0
    assert monotonic() - started <= 10
    with suppress(httpx.HTTPError):  # cut off, or told that this is all for now
        await reader
    assert len(read.text) < len(text(150))
    await asyncio.to_thread(server.start)
    await ann.follows(read.run_id, into=read, after=read.last_id)
    assert read.text == text(150)


async def open_streams(who: Program) -> int:
    """As the server counts them."""
    lines = (await who.client.get("/metrics")).text.splitlines()
    values = [line.rpartition(" ")[2] for line in lines if line.startswith("chatapp_streams_open{")]
    return int(sum(map(float, values)))
