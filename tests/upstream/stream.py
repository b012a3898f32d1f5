"""Plays one reply onto a connection, at its rate, with its fault at its place."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.upstream import wire
from tests.upstream.knobs import Knobs

GARBAGE = b"\x00\xff\xfe garbage \x80\x81\nnot an event at all\n<<<>>>\n" * 400
LONG_LINE = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A format's faults as bytes: `noise` stands within a reply that goes on, after `last_words` nothing
    comes, `long_line` begins one of 10 MB.
    """

    noise: dict[str, bytes]
    last_words: dict[str, bytes]
    long_line: bytes


OPENAI = Damage(
    noise={
        "noise": b"what is this\n\ndata: ping\n\n",
        "utf8": b'data: {"choices":[{"index":0,"delta":{"content":"\xf0\x9f\xff\xc3( "}}]}\n\n',
        "nul": b'data: {"choices":[{"index":0,"delta":{"content":"a\\u0000b "}}]}\n\n',
        "surrogate": b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ude42 \\ud800 "}}]}\n\n',
    },
    last_words={
        "torn": b'data: {"choices":[{"index":0,"del\n\n',
        "done": b"data: [DONE]\n\n",
        "error": b'data: {"error":{"message":"The engine is overloaded","type":"server_error",'
        b'"code":503}}\n\n',
    },
    long_line=b'data: {"choices":[{"delta":{"content":"',
)
#: Bytes after which nothing more comes, in any format.
LAST_WORDS = {"garbage": GARBAGE, "clean": b""}


class Stream:
    """One open reply. `steps` go out one a token, joined when the loop is late."""

    def __init__(
        self,
        *,
        transport: asyncio.Transport,
        knobs: Knobs,
        steps: tuple[bytes, ...],
        faulty: bool,
        damage: Damage,
        sent: Callable[[int], None],
        ended: Callable[[str], None],
    ) -> None:
        self._transport = transport
        self._knobs = knobs
        self._steps = steps if knobs.chunk != "split" else _split(steps)
        self._fault = knobs.fault if faulty else ""
        self._damage = damage
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
        last_words = LAST_WORDS | self._damage.last_words
        if fault in self._damage.noise:
            self._transport.write(wire.framed(self._damage.noise[fault]))
            return True
        if fault in last_words:
            if last_words[fault]:
                self._transport.write(wire.framed(last_words[fault]))
            self._finish(fault)
        elif fault == "longline":
            self._transport.write(wire.framed(self._damage.long_line + b"x" * LONG_LINE))
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
