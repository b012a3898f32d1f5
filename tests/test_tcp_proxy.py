"""The tests' own proxy does to a line what it says: a fault that does not happen proves nothing."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import monotonic
from typing import cast

import pytest

from tests.tcp_proxy import Proxy
from tests.waiting import until

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Line]]


class Echo(asyncio.Protocol):
    """Sends back what it is sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


@pytest.fixture
async def proxy() -> AsyncGenerator[Proxy]:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


@pytest.fixture
async def opened(proxy: Proxy) -> AsyncGenerator[Open]:
    lines: list[Line] = []

    async def opened() -> Line:
        lines.append(await asyncio.open_connection("127.0.0.1", proxy.port))
        return lines[-1]

    yield opened
    for _, writer in lines:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def echoed(line: Line, word: bytes) -> bytes:
    line[1].write(word)
    return await line[0].readexactly(len(word))


async def test_a_cut_resets_what_is_open_and_what_comes(proxy: Proxy, opened: Open) -> None:
    """And a healed line is one for new connections."""
    line = await opened()
    assert await echoed(line, b"before") == b"before"
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await line[0].read(1)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await echoed(await opened(), b"meanwhile")
    proxy.heal()
    assert await echoed(await opened(), b"after") == b"after"


async def test_silence_is_late_and_loses_nothing(proxy: Proxy, opened: Open) -> None:
    line = await opened()
    proxy.silence()
    answer = asyncio.create_task(echoed(line, b"word"))
    await asyncio.sleep(0.1)  # there is no event for what does not come
    assert not answer.done()
    proxy.heal()
    assert await answer == b"word"


async def test_a_stranded_line_is_silent_for_ever_and_others_work(proxy: Proxy, opened: Open) -> None:
    line = await opened()
    assert await echoed(line, b"before") == b"before"
    proxy.strand()
    answer = asyncio.create_task(echoed(line, b"word"))
    assert await echoed(await opened(), b"other") == b"other"
    proxy.heal()
    assert not answer.done()
    proxy.cut()
    await until(answer.done)
    assert isinstance(answer.exception(), (ConnectionError, asyncio.IncompleteReadError))


async def test_a_slow_line_lets_all_through_late(proxy: Proxy, opened: Open) -> None:
    line = await opened()
    proxy.slow(0.1)
    began = monotonic()
    assert await echoed(line, b"word") == b"word"
    assert monotonic() - began >= 0.2
