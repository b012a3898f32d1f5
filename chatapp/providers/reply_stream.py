"""One reply that is being streamed: network reads in, batches of `StepEvent`s out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ProviderGarbage
from chatapp.domain.messages import Usage
from chatapp.providers.base import StepEvent
from chatapp.providers.refusals import not_a_stream
from chatapp.providers.sse import Splitter
from chatapp.providers.step_reader import StepReader

#: After the finish reason mostly only usage and the end mark are missing: no reply is held back longer than
#: this for them.
TAIL: Final = timedelta(seconds=2)
#: A connection that was read to its end can be used again. Servers end the body with, or right after,
#: `[DONE]`.
DRAIN: Final = timedelta(milliseconds=200)


class ReplyStream:
    """Reads one response. `reads` yields what the network has brought since the last time."""

    def __init__(
        self, *, reads: AsyncIterator[bytes], close: Callable[[], Awaitable[None]], reader: StepReader
    ) -> None:
        self._reads = reads
        self._close = close
        self._splitter = Splitter()
        self._reader = reader
        self._tail_ends: float | None = None
        self._over = False

    @property
    def usage(self) -> Usage:
        """What was counted so far."""
        return self._reader.usage

    async def batch(self) -> Sequence[StepEvent]:
        """The next events, one batch a network read; empty after the end of the step.

        Raises:
            ProviderError: as `StepReader` says; errors of the connection come through as they are.
        """
        if self._over:
            return ()
        if self._reader.failure is not None:
            raise self._reader.failure
        while not self._reader.ended:
            events = await (self._tail() if self._reader.finished else self._read())
            if events is None:
                break
            if events:
                self._tail_ends = None
                return events
        return self._end()

    async def aclose(self) -> None:
        """Closes the response, and its connection if it was not read to its end: that cancels upstream."""
        try:
            if self._over:
                await self._drain()
        finally:
            await self._close()

    async def _drain(self) -> None:
        """Reads to the end of the body, briefly, so that the connection can be used again."""
        # The reply is whole; what happens to the connection now is no matter.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DRAIN.total_seconds()):
                while await anext(self._reads, None) is not None:
                    pass

    async def _read(self) -> Sequence[StepEvent] | None:
        """What one read brings; None at the end of the body."""
        read = await anext(self._reads, None)
        return None if read is None else self._reader.read(self._splitter.feed(read))

    async def _tail(self) -> Sequence[StepEvent] | None:
        """The same after the finish reason. The reply is whole: a cut or a silence here does no harm."""
        now = asyncio.get_running_loop().time()
        self._tail_ends = self._tail_ends or now + TAIL.total_seconds()
        with contextlib.suppress(Exception):
            async with asyncio.timeout_at(self._tail_ends):
                return await self._read()
        return None

    def _end(self) -> Sequence[StepEvent]:
        self._over = True
        # A last event without an empty line after it counts, unless it is torn.
        events: list[StepEvent] = []
        with contextlib.suppress(ProviderGarbage):
            events = self._reader.read(self._splitter.flush())
        if not self._reader.seen and not self._reader.ended and self._splitter.stray_lines:
            raise not_a_stream(self._splitter.first_stray)
        return (*events, *self._reader.end())
