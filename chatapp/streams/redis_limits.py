"""Limits that hold for all processes together, counted in a Redis.

While it is away each process counts for itself: nobody waits for long or is told of an error, and no door
stands open. All keys have a time to live.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from typing import Any, Final, TypeVar

from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from typing_extensions import override

from chatapp.streams.connecting import AWAY
from chatapp.streams.limits import Allowance, Limits, Rate, Share
from chatapp.streams.memory_limits import CallCounter, MemoryLimits

log = logging.getLogger(__name__)

T = TypeVar("T")

#: An answer takes a millisecond. Somebody waits for this one: after so long we count without it.
PATIENCE: Final = timedelta(milliseconds=250)
#: For so long it is not asked again, then by one call alone: nobody else waits for a Redis that is away.
PAUSE: Final = timedelta(seconds=5)

#: A token bucket whose level is the time to live of its key: none is a full one, and each that is taken makes
#: it longer by `ARGV[1]` ms, up to `ARGV[2]`. Redis alone knows the time, so clocks of hosts do not matter.
_TAKE: Final = """
local left = math.max(0, redis.call('PTTL', KEYS[1])) + ARGV[1]
if left > tonumber(ARGV[2]) then return 0 end
if left > 0 then redis.call('SET', KEYS[1], '', 'PX', left) else redis.call('DEL', KEYS[1]) end
return 1
"""


class RedisLimits(Limits):
    """Counts in Redis, and here while that is away.

    What is taken is counted here as well: guessing at passwords begins anew neither with a Redis that forgot
    everything nor with one that goes away.
    """

    def __init__(
        self, client: Redis, *, name: str, patience: timedelta = PATIENCE, pause: timedelta = PAUSE
    ) -> None:
        """`client` is closed by whoever opened it; `name` is what the processes have in common, and those of
        another installation that uses the same Redis do not."""
        untyped: Any = client  # its options are
        self._prefix: str = f"chatapp:limits:{name}"
        self._take: Callable[..., Awaitable[int]] = untyped.register_script(_TAKE)
        storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix=self._prefix,
            connection_pool=untyped.connection_pool,
        )
        self._calls: CallCounter = CallCounter(SlidingWindowCounterRateLimiter(storage))
        self._here: MemoryLimits = MemoryLimits()
        self._patience: float = patience.total_seconds()
        self._pause: float = pause.total_seconds()
        self._away_until: float = 0.0

    @override
    async def call(self, key: str, rate: Rate) -> Share:
        share = await self._asked(lambda: self._calls.call(key, rate))
        return share if share is not None else await self._here.call(key, rate)

    @override
    async def left(self, key: str, rate: Rate) -> Share:
        share = await self._asked(lambda: self._calls.left(key, rate))
        return share if share is not None else await self._here.left(key, rate)

    @override
    async def take(self, key: str, allowance: Allowance) -> bool:
        if not await self._here.take(key, allowance):
            return False
        granted = await self._asked(lambda: self._count(key, allowance, 1))
        if granted == 0:
            await self._here.give_back(key, allowance)
        return granted != 0

    @override
    async def give_back(self, key: str, allowance: Allowance) -> None:
        await self._here.give_back(key, allowance)
        await self._asked(lambda: self._count(key, allowance, -1))

    async def _count(self, key: str, allowance: Allowance, number: int) -> int:
        each_ms = round(allowance.each.total_seconds() * 1000)
        name = f"{self._prefix}:{allowance.name}:{key}"
        return await self._take(keys=[name], args=[number * each_ms, allowance.burst * each_ms])

    async def _asked(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """The answer; None when there is none in time, and none is waited for then for a while."""
        now = monotonic()
        if now < self._away_until:
            return None
        was_away = self._away_until > 0
        if was_away:
            # One call finds out whether it is back; the others go on without it meanwhile.
            self._away_until = now + self._pause
        try:
            async with asyncio.timeout(self._patience):
                answer = await question()
        except AWAY as error:  # a TimeoutError is an OSError
            self._away_until = monotonic() + self._pause
            if not was_away:
                log.warning("Redis does not count, each process does for itself: %s", type(error).__name__)
            return None
        if was_away:
            log.info("Redis counts again")
        self._away_until = 0.0
        return answer
