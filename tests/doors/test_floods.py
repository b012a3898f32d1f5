"""Floods end their own socket, and cost others nothing."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.app_build import PROJECT, Build
from tests.app_server import servers
from tests.doors.conftest import APP
from tests.doors.house import CHAT, House, send
from tests.wire import Closed, Tab, guest_cookie
from tests.wire.packets import HYDRATE, connect, event, reflex_event

SEARCH = "reflex___state____state.chatapp___ui___searching____search.find"
MEGABYTE = 1_000_000
#: What a hostile client may cost for good, by the requirement.
ALLOWED = 30 * MEGABYTE
#: Known to read a million tokens: a reply ends where a model's window does.
MODEL = "openai:gpt-4.1"
#: What one may cost that never reads.
ALLOWED_UNREAD = 20 * MEGABYTE


async def flood(tab: Tab, frame: str, seconds: float) -> float:
    """Send without end; how long it took to be cut off."""
    started = time.monotonic()
    with suppress(Closed):
        while time.monotonic() - started < seconds:
            await tab.send_frame(frame)
    return time.monotonic() - started


async def test_a_flood_of_events(small_house: House) -> None:
    async with small_house.guest() as tab:
        before, memory = small_house.rows(), small_house.server.rss_bytes()
        frame = event("event", reflex_event(f"{CHAT}.dismiss"))
        assert await flood(tab, frame, 10) < 8
        assert await tab.closed() in {1006, 1008}
    assert small_house.rows() == before
    assert await small_house.is_alive()
    assert small_house.server.rss_bytes() - memory < ALLOWED


async def test_a_flood_of_large_events(small_house: House) -> None:
    async with small_house.guest() as tab:
        memory = small_house.server.rss_bytes()
        payload = {"key": "k", "conversation_id": uuid4().hex, "text": "x" * 900_000, "model": ""}
        frame = event("event", reflex_event(f"{CHAT}.send", payload))
        assert await flood(tab, frame, 10) < 8
    assert await small_house.is_alive()
    assert small_house.server.rss_bytes() - memory < ALLOWED
    assert small_house.rows()["messages"] == 0


async def test_a_flood_of_sockets(small_house: House) -> None:
    """Each new socket would make a state; an address may not open them without end."""
    before, cookie, opened = small_house.inside(), guest_cookie(small_house.url), 0
    started = time.monotonic()
    for _ in range(150):
        with suppress(Exception):
            async with Tab.opened(small_house.url, cookie=cookie) as tab:
                await tab.send_frame(connect())
                opened += 1
    # Twice the limit of 50 at once, and as many again in each minute that the test takes.
    assert opened <= 101 + (time.monotonic() - started) * 50 / 60
    now = await small_house.settled(before, seconds=2)
    assert now["sockets"] == 0
    assert now["states"] <= before["states"] + opened


async def test_a_flood_of_pongs_and_pings(small_house: House) -> None:
    """Each unasked pong would make engine.io schedule a ping."""
    async with small_house.guest() as tab:
        for _ in range(60):
            await tab.send_frame("3")
        assert await tab.answers()
        assert await flood(tab, "3", 10) < 8
    assert await small_house.is_alive()


@pytest.mark.alone
async def test_a_client_that_never_reads(small_house: House) -> None:
    """Its answers pile up until it is dropped; nobody else notices."""
    async with small_house.guest() as other:
        memory = small_house.server.rss_bytes()
        cookie = guest_cookie(small_house.url)
        async with Tab.opened(small_house.url, cookie=cookie, max_queue=1) as tab:
            await tab.join()
            tab.stop_reading()
            frame, slow = event("event", reflex_event(f"{CHAT}.choose_model", {"model": "x"})), []
            deadline = time.monotonic() + 40
            while time.monotonic() < deadline and small_house.inside()["sockets"] > 1:
                with suppress(Closed, TimeoutError):
                    async with asyncio.timeout(1):
                        await tab.send_frame(frame)
                started = time.monotonic()
                assert await other.answers()
                slow.append(time.monotonic() - started)
                await asyncio.sleep(0.1)
            assert small_house.inside()["sockets"] == 1
            assert sorted(slow)[len(slow) // 2] < 0.5
        assert small_house.server.rss_bytes() - memory < ALLOWED_UNREAD


async def test_a_client_that_asks_for_much_and_reads_nothing(small_house: House) -> None:
    """It answers pings blindly. But no pong counts without its ping, and that waits behind what is not read:
    so it is dropped for its silence if not for its backlog."""
    sent = await send(small_house, "[n:4000 r:100000]")
    memory = small_house.server.rss_bytes()
    async with Tab.opened(small_house.url, cookie=sent.cookie, max_queue=1) as tab:
        await tab.join(path=f"/c/{sent.conversation_id}")
        tab.stop_reading()
        again = event("event", reflex_event(HYDRATE, path=f"/c/{sent.conversation_id}"))
        deadline = time.monotonic() + 35
        while small_house.inside()["sockets"]:
            assert time.monotonic() < deadline
            for _ in range(20):
                with suppress(Closed):
                    await tab.send_frame(again)
            with suppress(Closed):
                await tab.send_frame("3")
            await asyncio.sleep(1)
    assert small_house.server.rss_bytes() - memory < ALLOWED_UNREAD
    assert await small_house.is_alive()


async def test_a_reader_of_a_reply_that_never_reads(
    app_build: Build, upstream_url: str, tmp_path: Path
) -> None:
    """It only watches, and answers pings blindly: once the system's own buffers are full it is dropped, and
    whoever watches beside it is shown the reply as fast as ever."""
    upstream = {
        "OPENAI_BASE_URL": upstream_url,
        "OPENAI_API_KEY": "none",
        "OPENAI_MODELS": "mock,gpt-4.1",
        "MAX_REPLY_TOKENS": "600000",
    }
    with servers(app_build, tmp_path) as start:
        house = House(await asyncio.to_thread(start, APP, **upstream))
        sent = await send(house, "Once before [n:2000 r:2000]")
        path = f"/c/{sent.conversation_id}"
        async with (
            Tab.opened(house.url, cookie=sent.cookie) as tab,
            Tab.opened(house.url, cookie=sent.cookie, max_queue=1) as idle,
        ):
            for one in (tab, idle):
                await one.join(path=path)
            await tab.quiet_for(1)
            memory = house.server.rss_bytes()
            payload = {"key": uuid4().hex, "conversation_id": sent.conversation_id, "model": MODEL}
            await tab.emit(f"{CHAT}.send", payload | {"text": "Long [n:600000 r:5000]"}, path=path)
            idle.stop_reading()
            gaps = await gaps_until_dropped(house, tab, idle)
            # The reply itself is kept too: some megabytes by now.
            assert house.server.rss_bytes() - memory < ALLOWED_UNREAD
            assert len(gaps) > 50
            assert sorted(gaps)[int(len(gaps) * 0.95)] < 0.5


async def gaps_until_dropped(house: House, tab: Tab, idle: Tab) -> list[float]:
    """How long the one who reads waited for each update, until the other was dropped."""
    deadline, gaps = time.monotonic() + 110, list[float]()
    while house.inside()["sockets"] > 1:
        assert time.monotonic() < deadline, f"{tab.received_bytes} bytes were read by the other"
        with suppress(Closed):
            await idle.send_frame("3")
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    started = time.monotonic()
                    await tab.update()
                    gaps.append(time.monotonic() - started)
    return gaps


@pytest.mark.alone
async def test_a_flood_does_not_slow_others_down(small_house: House) -> None:
    """The requirement: others' p95 grows by less than 2x, and the server by less than 30 MB."""
    cookies = [guest_cookie(small_house.url) for _ in range(3)]
    async with small_house.guest() as tab:
        memory, seen = small_house.server.rss_bytes(), list[tuple[float, float]]()
        # What else the machine does is in a figure as well, so there is a second and a third try.
        while len(seen) < 3 and not any(loud < 2 * quiet for quiet, loud in seen):
            quiet = await p95(tab)
            async with flooded(small_house, cookies):
                seen.append((quiet, await p95(tab)))
        assert any(loud < 2 * quiet for quiet, loud in seen), seen
        assert small_house.server.rss_bytes() - memory < ALLOWED
    assert "Traceback" not in small_house.server.log


@asynccontextmanager
async def flooded(house: House, cookies: list[str]) -> AsyncGenerator[None]:
    command = [sys.executable, "-m", "tests.doors.flooding", house.url, *cookies]
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline()
        yield
        assert process.returncode is None
    finally:
        process.kill()
        await process.wait()


async def p95(tab: Tab) -> float:
    """How long an event takes that asks the database, as somebody sees it who types."""
    times: list[float] = []
    for number in range(60):
        query, started = f"nothing {number} {uuid4().hex[:6]}", time.monotonic()
        await tab.emit(SEARCH, {"query": query})
        await tab.until(lambda query=query: tab.var("search", "asked") == query, within=30)
        times.append(time.monotonic() - started)
        await asyncio.sleep(0.04)
    return sorted(times)[int(len(times) * 0.95)]
