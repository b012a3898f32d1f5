"""Limits in the memory of this process."""

import math
from collections.abc import Callable
from functools import cache
from time import monotonic, time
from typing import Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from typing_extensions import override

from chatapp.streams.counting import Buckets
from chatapp.streams.limits import Allowance, Limits, Rate, Share

#: Two counters for each of somebody, who stays for two periods. The library looks through all of them at each
#: call, so a flood from ever new addresses must not make them many: then everybody begins anew.
MAX_COUNTERS: Final = 10_000


class MemoryLimits(Limits):
    """Here calls are counted by the `limits` library, all else by token buckets: they can be given back."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now: Callable[[], float] = now
        self._storage: MemoryStorage = MemoryStorage()
        self._calls: CallCounter = CallCounter(SlidingWindowCounterRateLimiter(self._storage))
        self._buckets: dict[Allowance, Buckets] = {}

    @override
    async def call(self, key: str, rate: Rate) -> Share:
        if len(self._storage.expirations) > MAX_COUNTERS:
            await self._storage.reset()
        return await self._calls.call(key, rate)

    @override
    async def left(self, key: str, rate: Rate) -> Share:
        return await self._calls.left(key, rate)

    @override
    async def take(self, key: str, allowance: Allowance) -> bool:
        return self._of(allowance).take(key)

    @override
    async def give_back(self, key: str, allowance: Allowance) -> None:
        self._of(allowance).give_back(key)

    def _of(self, allowance: Allowance) -> Buckets:
        if (buckets := self._buckets.get(allowance)) is None:
            per_second = 1 / allowance.each.total_seconds()
            buckets = Buckets(burst=allowance.burst, per_second=per_second, now=self._now)
            self._buckets[allowance] = buckets
        return buckets


class CallCounter:
    """Calls in a sliding window of the library's, wherever it keeps them."""

    def __init__(self, limiter: SlidingWindowCounterRateLimiter) -> None:
        self._limiter: SlidingWindowCounterRateLimiter = limiter

    async def call(self, key: str, rate: Rate) -> Share:
        """Counts a call, if there is one left."""
        return await self._share(key, rate, granted=await self._limiter.hit(_item(rate), key))

    async def left(self, key: str, rate: Rate) -> Share:
        """The same without counting."""
        return await self._share(key, rate, granted=await self._limiter.test(_item(rate), key))

    async def _share(self, key: str, rate: Rate, *, granted: bool) -> Share:
        stats, now = await self._limiter.get_window_stats(_item(rate), key), time()
        return Share(
            granted=granted,
            limit=rate.limit,
            remaining=stats.remaining if granted else 0,
            resets_at=math.ceil(stats.reset_time),
            wait=max(1, math.ceil(stats.reset_time - now)),
        )


@cache
def _item(rate: Rate) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(rate.limit, max(1, math.ceil(rate.period.total_seconds())))
