"""A line between two parts of the app that can be cut, silenced and slowed."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

PIECE: Final = 65_536
#: Closing sends a reset, as a router that forgot the connection does.
RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards bytes to a port of this machine, as long as it flows."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._lag_seconds = 0.0
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset every connection, and every new one until `heal`."""
        self._refuses = True
        for line in list(self._lines):
            line.reset()

    def silence(self) -> None:
        """Nothing goes through until `heal`; nobody is told, and nothing is lost on the way."""
        self._flows.clear()

    def strand(self) -> None:
        """The connections there are go silent for ever; new ones work."""
        for line in self._lines:
            line.flows = asyncio.Event()

    def slow(self, seconds: float) -> None:
        """Each piece of up to 64 KB is so late, one after another, in both directions, until `heal`."""
        self._lag_seconds = seconds

    def heal(self) -> None:
        """All as it was."""
        self._refuses = False
        self._lag_seconds = 0.0
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self._flows, writer, lambda: self._lag_seconds)
        if self._refuses:
            line.reset()
            return
        self._lines.add(line)
        with contextlib.suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self.target_port)
            line.ends.append(there[1])
            async with asyncio.TaskGroup() as group:
                both = line.pump(reader, there[1]), line.pump(there[0], writer)
                line.pumps = [group.create_task(pump) for pump in both]
        self._lines.discard(line)
        line.reset()


class _Line:
    """One connection and its two ends."""

    def __init__(
        self, flows: asyncio.Event, near: asyncio.StreamWriter, lag_seconds: Callable[[], float]
    ) -> None:
        self.flows = flows
        self._lag_seconds = lag_seconds
        self.ends = [near]
        self.pumps: list[asyncio.Task[None]] = []

    def reset(self) -> None:
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()
        # One that waits for silence to end would wait for ever.
        for pump in self.pumps:
            pump.cancel()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                await self.flows.wait()
                if lag := self._lag_seconds():
                    await asyncio.sleep(lag)
                writer.write(data)
                await writer.drain()
        if not writer.is_closing():
            with contextlib.suppress(OSError):
                writer.write_eof()
