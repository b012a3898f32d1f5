"""How late this process itself was: on a machine that has no time for it, nobody's times mean anything."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Final, Self

STEP_S: Final = 0.05


class Lateness:
    """Measures as long as its block."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._measuring: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._measuring = asyncio.create_task(self._measure())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._measuring is not None
        self._measuring.cancel()
        if error is not None:
            error.add_note(f"This process itself was late by up to {self.longest_s:.1f} s.")

    async def _measure(self) -> None:
        while True:
            began = monotonic()
            await asyncio.sleep(STEP_S)  # the measure itself, no waiting
            self.longest_s = max(self.longest_s, monotonic() - began - STEP_S)
