"""Log lines that a client can cause as often as it likes, written only so often."""

import logging
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Final

from typing_extensions import override

PERIOD: Final = timedelta(seconds=60)
#: Lines of one kind in a period: enough to notice, too few to fill a disk.
LINES: Final = 20


class Rarely(logging.Filter):
    """Lets `LINES` lines of each kind pass in a period, then says once that it stops.

    A kind is the text before its values are put in, so there are no more kinds than places that log.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._now: Callable[[], float] = now
        self._period_ends: float = 0.0
        self._written: dict[str, int] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if self._now() >= self._period_ends:
            self._period_ends = self._now() + PERIOD.total_seconds()
            self._written.clear()
        kind = str(record.msg)
        self._written[kind] = count = self._written.get(kind, 0) + 1
        if count == LINES:
            record.msg = f"{kind} (and no more of these for a while)"
        return count <= LINES
