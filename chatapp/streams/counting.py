"""Counting that forgets: nothing here grows with the number of those who were refused."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic
from typing import Final

#: Addresses remembered at once. A flood from more addresses than this pushes out the oldest.
MAX_KEYS: Final = 10_000


class Bucket:
    """A token bucket: `burst` at once, `per_second` in the long run."""

    __slots__ = ("_burst", "_filled_at", "_level", "_now", "_per_second")

    def __init__(self, *, burst: float, per_second: float, now: Callable[[], float] = monotonic) -> None:
        self._burst: float = burst
        self._per_second: float = per_second
        self._now: Callable[[], float] = now
        self._level: float = burst
        self._filled_at: float = now()

    def take(self, amount: float = 1) -> bool:
        """Takes the amount, or nothing and False when there is less."""
        self._fill()
        if amount > self._level:
            return False
        self._level -= amount
        return True

    def give_back(self) -> None:
        """Takes back that one was taken."""
        self._level = min(self._burst, self._level + 1)

    @property
    def is_full(self) -> bool:
        """Whether it has forgotten all that was taken."""
        self._fill()
        return self._level >= self._burst

    def _fill(self) -> None:
        now = self._now()
        self._level = min(self._burst, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now


class Buckets:
    """One bucket for each key that was busy lately."""

    def __init__(
        self,
        *,
        burst: float,
        per_second: float,
        max_keys: int = MAX_KEYS,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._make: Callable[[], Bucket] = lambda: Bucket(burst=burst, per_second=per_second, now=now)
        self._max_keys: int = max_keys
        # The least recently used in front.
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str) -> bool:
        """Takes one from the key's bucket."""
        bucket = self._buckets.pop(key, None) or self._make()
        self._buckets[key] = bucket
        self._forget()
        return bucket.take()

    def give_back(self, key: str) -> None:
        """Takes back that one was taken from the key's bucket."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.give_back()

    def _forget(self) -> None:
        while self._buckets:
            oldest = next(iter(self._buckets))
            if len(self._buckets) <= self._max_keys and not self._buckets[oldest].is_full:
                return
            if len(self._buckets) == 1:
                return
            del self._buckets[oldest]


class Slots:
    """At most `limit` at a time for each key."""

    def __init__(self, limit: int) -> None:
        self._limit: int = limit
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._taken)

    @contextmanager
    def taken(self, key: str) -> Generator[bool]:
        """Holds a slot of the key while the body runs; False when there is none."""
        if self._taken[key] >= self._limit:
            yield False
            return
        self._taken[key] += 1
        try:
            yield True
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
