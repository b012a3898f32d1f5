"""An answer that goes on as long as a run does, and ends by itself in any case."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi.responses import Response
from starlette.types import Message, Receive, Send

from chatapp.api.encoders.base import Encoder
from chatapp.services.runs import Idle, Item, Queued, RunInfo

T = TypeVar("T")
RawHeaders = list[tuple[bytes, bytes]]

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
#: For the documentation of routes that answer with one.
STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events, as they happen.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
#: A stream is ended after this; its client comes back with the last id that it has. Proxies and networks end
#: older ones anyway, without a word.
LIFETIME: Final = timedelta(hours=1)
#: No charset: it is part of the media type, and proxies look for exactly this one.
STREAM_HEADERS: Final = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
#: What is sent in one piece: for a client that does not read, so much is kept.
MAX_PART_BYTES: Final = 64_000
#: How long a client may leave what it was sent unread. Behind this, buffers of the network are full.
PATIENCE: Final = timedelta(seconds=30)


class RunStream(Response):
    """Sends a run's events while its client reads them. Leaving never stops the run.

    Args:
        run: whose events they are.
        first: the first item; refusals came with it, before the answer began.
        items: the others.
        encoder: the protocol.
    """

    def __init__(self, run: RunInfo, first: Item, items: AsyncGenerator[Item], encoder: Encoder) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._frames: Callable[[], AsyncGenerator[bytes]] = lambda: frames(run, first, items, encoder)
        self._items: AsyncGenerator[Item] = items

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Sends until the run has ended, its client is gone or does not read, or the time is over."""
        async with aclosing(self._items):
            await while_there(receive, send_stream(send, self.raw_headers, self._frames()))


async def send_stream(
    send: Send, headers: RawHeaders, parts: AsyncGenerator[bytes], *, at_the_end: bytes = b""
) -> None:
    """Sends an answer of these parts, until they end, nobody reads them, or the time is over: then it says
    `at_the_end`."""
    over = asyncio.get_running_loop().time() + LIFETIME.total_seconds()
    try:
        async with aclosing(parts):
            await within(
                PATIENCE, send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
            )
            async for part in parts:
                await within(PATIENCE, send(_body(part)))
                if asyncio.get_running_loop().time() > over:
                    await within(PATIENCE, send(_body(at_the_end)))
                    break
        await within(PATIENCE, send(_body(b"", is_last=True)))
    except TimeoutError:
        # It may come back and go on after the last id that it has.
        logger.info("dropped a reader that did not read")


async def frames(
    run: RunInfo, first: Item, items: AsyncGenerator[Item], encoder: Encoder
) -> AsyncGenerator[bytes]:
    """All that is sent to one reader."""
    yield encoder.opening(run)
    for part in parts_of(run, first, encoder):
        yield part
    async for item in items:
        for part in parts_of(run, item, encoder):
            yield part


def parts_of(run: RunInfo, item: Item, encoder: Encoder) -> Generator[bytes]:
    """An item as it is sent: in pieces of a bounded size."""
    match item:
        case Queued():
            yield encoder.queued(item)
        case Idle():
            yield encoder.idle()
        case _:
            part = b""
            for record in item:
                part += encoder.record(run, record)
                if len(part) > MAX_PART_BYTES:
                    yield part
                    part = b""
            if part:
                yield part


def _body(part: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": not is_last}


async def within(patience: timedelta, sending: Awaitable[None]) -> None:
    """Sends a piece. Raises `TimeoutError` when nobody takes it."""
    async with asyncio.timeout(patience.total_seconds()):
        await sending


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to, as long as the client is there; None once it is not. Raises what the work
    raises."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait({working, leaving})
    return None if working.cancelled() else working.result()


async def _left(receive: Receive) -> None:
    """Returns when the client is gone, also from a stream in which nothing happens."""
    while (await receive())["type"] != "http.disconnect":
        pass
