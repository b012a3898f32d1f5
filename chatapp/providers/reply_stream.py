"""One reply that is being streamed: network reads in, batches of `StepEvent`s out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ProviderGarbage
from chatapp.providers.base import StepEvent
from chatapp.providers.completions import StepReader
from chatapp.providers.refusals import not_a_stream
from chatapp.providers.sse import Splitter

#: After the finish reason only usage and `[DONE]` are missing: no reply is held back longer than this for
#: them.
TAIL: Final = timedelta(seconds=2)
#: A connection that was read to its end can be used again. Servers end the body with, or right after,
#: `[DONE]`.
DRAIN: Final = timedelta(milliseconds=200)


class ReplyStream:
    """Reads one response. `reads` yields what the network has brought since the last time."""

    def __init__(self, *, reads: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        self._reads = reads
        self._close = close
        self._splitter = Splitter()
        self._reader = StepReader()
        self._over = False

    async def batch(self) -> Sequence[StepEvent]:
        """The next events, one batch a network read; empty after the end of the step.

        Raises:
            ProviderError: as `StepReader` says; errors of the connection come through as they are.
        """
        if self._over:
            return ()
        if self._reader.failure is not None:
            raise self._reader.failure
        while not (self._reader.finished or self._reader.ended):
            read = await anext(self._reads, None)
            if read is None:
                return self._end()
            if events := self._reader.read(self._splitter.feed(read)):
                return events
        return await self._tail()

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

    async def _tail(self) -> Sequence[StepEvent]:
        """Usage and `[DONE]`. The reply is whole already: a cut or a silence here does no harm."""
        events: list[StepEvent] = []
        with contextlib.suppress(Exception):
            async with asyncio.timeout(TAIL.total_seconds()):
                while not self._reader.ended and (read := await anext(self._reads, None)) is not None:
                    events += self._reader.read(self._splitter.feed(read))
        return (*events, *self._end())

    def _end(self) -> Sequence[StepEvent]:
        self._over = True
        # A last event without an empty line after it counts, unless it is torn.
        events: list[StepEvent] = []
        with contextlib.suppress(ProviderGarbage):
            events = self._reader.read(self._splitter.flush())
        if not self._reader.seen and not self._reader.ended and self._splitter.stray_lines:
            raise not_a_stream(self._splitter.first_stray)
        return (*events, *self._reader.end())
