"""Plays one reply onto a connection, at its rate, with its fault at its place."""

import asyncio
import time
from collections.abc import Callable

from tests.upstream import wire
from tests.upstream.knobs import Knobs

GARBAGE = b"\x00\xff\xfe garbage \x80\x81\nnot an event at all\n<<<>>>\n" * 400
#: Bad bytes as they stand in the wire, within a reply that goes on.
NOISE = {
    "noise": b"what is this\n\ndata: ping\n\n",
    "utf8": b'data: {"choices":[{"index":0,"delta":{"content":"\xf0\x9f\xff\xc3( "}}]}\n\n',
    "nul": b'data: {"choices":[{"index":0,"delta":{"content":"a\\u0000b "}}]}\n\n',
    "surrogate": b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"\\ude42 \\ud800 "}}]}\n\n',
}
#: Bytes after which nothing more comes.
LAST_WORDS = {
    "garbage": GARBAGE,
    "clean": b"",
    "torn": b'data: {"choices":[{"index":0,"del\n\n',
    "done": b"data: [DONE]\n\n",
    "error": b'data: {"error":{"message":"The engine is overloaded","type":"server_error","code":503}}\n\n',
}
LONG_LINE = 10_000_000


class Stream:
    """One open reply. `steps` go out one a token, joined when the loop is late."""

    def __init__(
        self,
        *,
        transport: asyncio.Transport,
        knobs: Knobs,
        steps: tuple[bytes, ...],
        faulty: bool,
        sent: Callable[[int], None],
        ended: Callable[[str], None],
    ) -> None:
        self._transport = transport
        self._knobs = knobs
        self._steps = steps if knobs.chunk != "split" else _split(steps)
        self._fault = knobs.fault if faulty else ""
        self._sent, self._ended = sent, ended
        self._loop = asyncio.get_running_loop()
        self._index = 0
        self._start = self._loop.time() + knobs.t / 1000
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Sends the headers and sets the first timer."""
        if self._fault == "hang-headers":
            return
        self._transport.write(wire.HEAD)
        if self._fault != "hang-first":
            self._timer = self._loop.call_at(self._start, self._tick)

    def stop(self) -> None:
        """No more is sent."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        due = int((self._loop.time() - self._start) * self._knobs.r) + 1
        if self._knobs.chunk == "many":
            due += 8
        end = min(max(due, self._index + 1), len(self._steps))
        stop_at = self._knobs.fault_at if self._fault else len(self._steps) + 1
        end = max(min(end, stop_at), self._index)
        self._write(b"".join(self._steps[self._index : end]), end - self._index)
        self._index = end
        if end == stop_at and not self._break():
            return
        if self._index < len(self._steps):
            self._timer = self._loop.call_at(self._start + self._index / self._knobs.r, self._tick)
        else:
            self._finish("complete")

    def _write(self, data: bytes, tokens: int) -> None:
        if not data:
            return
        if self._knobs.chunk == "byte":
            for at in range(len(data)):
                self._transport.write(wire.framed(data[at : at + 1]))
        else:
            self._transport.write(wire.framed(data))
        self._sent(tokens)

    def _finish(self, how: str) -> None:
        self._transport.write(wire.END)
        self._ended(how)

    def _break(self) -> bool:
        """Does what the fault says; True when the reply goes on after it."""
        fault, self._fault = self._fault, ""
        if fault in NOISE:
            self._transport.write(wire.framed(NOISE[fault]))
            return True
        if fault in LAST_WORDS:
            if LAST_WORDS[fault]:
                self._transport.write(wire.framed(LAST_WORDS[fault]))
            self._finish(fault)
        elif fault == "longline":
            self._transport.write(wire.framed(b'data: {"choices":[{"delta":{"content":"' + b"x" * LONG_LINE))
            self._finish(fault)
        elif fault == "cut":
            self._ended(fault)
            self._transport.close()
        elif fault == "rst":
            self._ended(fault)
            self._transport.abort()
        elif fault != "hang":
            raise ValueError(f"no such fault: {fault}")
        return False


def _split(steps: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The same bytes, cut within an event, and within the bytes of an emoji where there is one."""
    cut: list[bytes] = []
    rest = b""
    for step in steps:
        at = step.find("🙂".encode()) + 2 if "🙂".encode() in step else len(step) // 2
        cut.append(rest + step[:at])
        rest = step[at:]
    return (*cut[:-1], cut[-1] + rest)


def now_ns() -> int:
    """The clock of the log: `time.monotonic_ns`, comparable between processes of one machine."""
    return time.monotonic_ns()
