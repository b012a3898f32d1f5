"""Processes that make replies over the same database, where no Redis carries what they say."""

import logging
from collections.abc import Iterable

from chatapp.streams.base import Missed
from chatapp.streams.memory import MemoryBroadcast
from chatapp.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class Unheard:
    """Has those who listen here read the database while there are others than the process `name`."""

    def __init__(self, here: MemoryBroadcast, *, name: str, metrics: Metrics) -> None:
        self._here: MemoryBroadcast = here
        self._name: str = name
        self._metrics: Metrics = metrics
        self._others: frozenset[str] = frozenset()

    def expect(self, names: Iterable[str]) -> None:
        """These processes live, as is known from their leases. Each time it is called those who listen are
        told that they may miss something; and once more when the last of them has gone."""
        before, self._others = self._others, frozenset(names) - {self._name}
        if self._others and not before:
            log.warning(
                "%s makes replies too, and is not heard without REDIS_URL: what it does is read from the "
                "database, every other second",
                ", ".join(sorted(self._others)),
            )
        if self._others or before:
            self._metrics.notices_missed()
            self._here.tell_everybody(Missed())
