"""One admitted socket: its frames are checked on the way in, and never pile up on the way out."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from typing import Final, Protocol

from starlette.types import Message, Receive, Send

from chatapp.api.packets import Refused
from chatapp.api.policy import GuardPolicy
from chatapp.streams.counting import Bucket

#: Close codes of RFC 6455, section 7.4.1.
NORMAL: Final = 1000
POLICY_VIOLATION: Final = 1008
TRY_LATER: Final = 1013
#: The client left by itself: nobody is there to say goodbye to.
GONE: Final = "gone"
#: How long the last words may take to a client that does not read.
FAREWELL: Final = timedelta(seconds=2)
#: How much of what an app that waits has sent may be on its way: enough for a busy line, little to keep.
AHEAD_BYTES: Final = 64_000


class Inbound(Protocol):
    """Reads one connection's frames, in order."""

    @property
    def connected(self) -> bool:
        """Whether the client has said what it must say first."""
        ...

    @property
    def hands_on_bytes(self) -> bool:
        """Whether the app answers frames that are no text itself, by itself; else they end the connection."""
        ...

    def ping_sent(self) -> None:
        """A ping of the app's own went out."""
        ...

    def read(self, frame: str) -> str | None:
        """The frame to hand on; None for one that is dropped in silence. Raises `Refused`."""
        ...


class AnyText:
    """The frames of a client that may send any text, whenever it likes."""

    connected: bool = True
    hands_on_bytes: bool = True

    def ping_sent(self) -> None:
        """Nothing is awaited."""

    def read(self, frame: str) -> str:
        """As it is."""
        return frame


class GuardedSocket:
    """Stands between the server and the app, with the app's own `receive` and `send`.

    What the app sends is queued here and goes out in a task of its own: the app never waits for a slow
    reader, so nothing piles up where it cannot be counted. An app that `waits` is held up instead once a
    little is queued, for it can send more at once than anybody reads.
    """

    def __init__(
        self, *, receive: Receive, send: Send, inbound: Inbound, policy: GuardPolicy, waits: bool = False
    ) -> None:
        self._receive: Receive = receive
        self._send: Send = send
        self._inbound: Inbound = inbound
        self._policy: GuardPolicy = policy
        self._waits: bool = waits
        self._frames: Bucket = Bucket(burst=policy.frame_burst, per_second=policy.frames_per_second)
        self._chars: Bucket = Bucket(burst=policy.char_burst, per_second=policy.chars_per_second)
        self._cut: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[Message] | None = None
        self._writing: asyncio.Task[None] | None = None
        # What waits to go out, and since when; the first is on its way.
        self._queue: deque[tuple[float, int, Message]] = deque()
        self._queued_bytes: int = 0
        self._wake: asyncio.Event = asyncio.Event()
        self._went: asyncio.Event = asyncio.Event()
        self._opened_at: float = monotonic()

    @property
    def cut_reason(self) -> str | None:
        """Why it was cut, if it was."""
        return self._cut.result()[1] if self._cut.done() else None

    @property
    def backlog_bytes(self) -> int:
        """What waits behind the frame that is being sent; one large frame alone is no backlog."""
        return self._queued_bytes - self._queue[0][1] if self._queue else 0

    def cut(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Ends the connection: the app sees a disconnect, the client a close."""
        if not self._cut.done():
            self._cut.set_result((code, reason))
            self._wake.set()
            self._went.set()

    def check_pace(self) -> None:
        """Cuts a socket that is too far behind, or whose page never said a word; asked now and then."""
        now = monotonic()
        if self._queue and now - self._queue[0][0] > self._policy.max_backlog_age.total_seconds():
            self._cut_slow()
        if (
            not self._inbound.connected
            and now - self._opened_at > self._policy.connect_timeout.total_seconds()
        ):
            self.cut("silent")

    async def run(self, app: Callable[[Receive, Send], Awaitable[None]]) -> None:
        """Serves the app until it is done, then says farewell."""
        try:
            await app(self.receive, self.send)
        finally:
            await self._finish()

    async def receive(self) -> Message:
        """The app's next message: a frame that was found good, or the disconnect."""
        while True:
            message = await self._next()
            if message["type"] == "websocket.disconnect":
                self.cut(GONE)
            if message["type"] != "websocket.receive":
                return message
            if (checked := self._checked(message)) is not None:
                return checked

    async def send(self, message: Message) -> None:
        """Queues what the app sends."""
        if self._cut.done():
            return
        if message["type"] == "websocket.accept":
            await self._send(message)
            self._writing = asyncio.create_task(self._write())
            return
        if self._writing is None:  # the app refuses
            await self._send(message)
            return
        message, size = _sendable(message)
        self._queue.append((monotonic(), size, message))
        self._queued_bytes += size
        self._wake.set()
        if self._waits:
            while self.backlog_bytes > AHEAD_BYTES and not self._cut.done():
                self._went.clear()
                await self._went.wait()
        elif self.backlog_bytes > self._policy.max_backlog_bytes:
            self._cut_slow()

    def _cut_slow(self) -> None:
        # A program that waited for us can come back and go on; a page comes back by itself.
        self.cut("slow reader", TRY_LATER if self._waits else POLICY_VIOLATION)

    async def _next(self) -> Message:
        if not self._cut.done():
            if self._reading is None:
                self._reading = asyncio.ensure_future(self._receive())
            await asyncio.wait({self._reading, self._cut}, return_when=asyncio.FIRST_COMPLETED)
        if self._cut.done():
            return {"type": "websocket.disconnect", "code": self._cut.result()[0]}
        assert self._reading is not None
        reading, self._reading = self._reading, None
        return reading.result()

    def _checked(self, message: Message) -> Message | None:
        """The frame as it is handed on; None for one that is dropped."""
        text = message.get("text")
        is_text = isinstance(text, str)
        size = len(text if is_text else message.get("bytes") or b"")
        try:
            if not (is_text or self._inbound.hands_on_bytes):
                raise Refused("binary frame")
            if size > self._policy.max_frame_chars:
                raise Refused("frame too long")
            if not (self._frames.take() and self._chars.take(size)):
                raise Refused("flood")
            if not is_text:
                return {"type": "websocket.receive", "text": None, "bytes": message.get("bytes")}
            frame = self._inbound.read(text)
        except Refused as refused:
            self.cut(str(refused))
            return None
        return None if frame is None else {"type": "websocket.receive", "text": frame, "bytes": None}

    async def _write(self) -> None:
        """Sends what is queued, in order, until the app closes or the client is gone."""
        try:
            while not self._cut.done():
                while self._queue and not self._cut.done():
                    _, size, message = self._queue[0]
                    if message.get("text") == "2":
                        # Before it goes: the answer may be here before we are told that it went.
                        self._inbound.ping_sent()
                    await self._send(message)
                    self._queue.popleft()
                    self._queued_bytes -= size
                    self._went.set()
                    if message["type"] == "websocket.close":
                        return
                self._wake.clear()
                await self._wake.wait()
        except Exception:  # whatever the server calls it: the client is gone
            self.cut(GONE)

    async def _finish(self) -> None:
        if self._writing is not None:
            await self.send({"type": "websocket.close", "code": NORMAL})
            await asyncio.wait({self._writing}, timeout=FAREWELL.total_seconds())
        for task in (self._reading, self._writing):
            if task is not None and not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
        self._queue.clear()
        if self._writing is not None and self.cut_reason not in {None, GONE}:
            code, reason = self._cut.result()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(FAREWELL.total_seconds()):
                    await self._send({"type": "websocket.close", "code": code, "reason": reason})


def _sendable(message: Message) -> tuple[Message, int]:
    """The message as it can go out, and its bytes. Half a character (a lone surrogate that somebody typed and
    is shown again) has no bytes; the server would send an empty frame, and the page would hang up."""
    text = message.get("text")
    if not isinstance(text, str):
        return message, 0
    if text.isascii():
        return message, len(text)
    try:
        return message, len(text.encode())
    except UnicodeEncodeError:
        whole = text.encode(errors="replace").decode()
        return {**message, "text": whole}, len(whole.encode())
