"""Limits hold for all processes together, and while Redis is away for each of them; nobody waits for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import timedelta
from time import monotonic

import pytest

from chatapp.streams.connecting import connect
from chatapp.streams.limits import Allowance, Rate
from chatapp.streams.redis_limits import PATIENCE, RedisLimits
from tests.redis import RedisServer

HOUR = timedelta(hours=1)
TRIES = Allowance(name="tries", burst=4, each=HOUR)
CALLS = Rate(limit=4, period=HOUR)
LONG = timedelta(seconds=20)


@pytest.fixture
async def processes(redis_server: RedisServer) -> AsyncGenerator[list[RedisLimits]]:
    """Two that share a Redis, and give it time; what they do when it takes too much is tried below."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connect(redis_server.url)) for _ in range(2)]
        yield [
            RedisLimits(client, name="tests", patience=LONG, pause=timedelta(seconds=0.2))
            for client in clients
        ]


async def together(processes: list[RedisLimits]) -> None:
    """Returns when all of them count in Redis again."""
    rate = Rate(limit=len(processes), period=HOUR)
    async with asyncio.timeout(30):
        for number in range(1_000):
            shares = [await one.call(f"probe {number}", rate) for one in processes]
            if shares[-1].remaining == 0:
                return
            await asyncio.sleep(0.05)


async def test_all_processes_count_together(processes: list[RedisLimits]) -> None:
    a, b = processes
    assert [await one.take("ann", TRIES) for one in (a, b, a, b, a, b)] == [True] * 4 + [False] * 2
    shares = [await one.call("ann", CALLS) for one in (a, b, a, b, a, b)]
    assert [share.granted for share in shares] == [True] * 4 + [False] * 2
    assert [share.remaining for share in shares] == [3, 2, 1, 0, 0, 0]
    assert not (await b.left("ann", CALLS)).granted
    await b.give_back("ann", TRIES)
    assert [await one.take("ann", TRIES) for one in (a, b)] == [True, False]


async def test_what_is_refused_by_all_is_not_held_against_one(processes: list[RedisLimits]) -> None:
    """Who is refused here because of tries elsewhere has the next one as soon as there is one."""
    a, b = processes
    for _ in range(4):
        await a.take("ann", TRIES)
    assert [await b.take("ann", TRIES) for _ in range(9)] == [False] * 9
    for _ in range(4):
        await a.give_back("ann", TRIES)
    assert [await b.take("ann", TRIES) for _ in range(5)] == [True] * 4 + [False]


async def test_two_installations_may_share_a_redis(redis_server: RedisServer) -> None:
    async with connect(redis_server.url) as client:
        one, other = (RedisLimits(client, name=name, patience=LONG) for name in ("one", "other"))
        for limits in (one, other):
            assert [await limits.take("ann", TRIES) for _ in range(5)] == [True] * 4 + [False]
            assert [(await limits.call("ann", CALLS)).granted for _ in range(5)] == [True] * 4 + [False]


async def test_what_is_kept_ends(processes: list[RedisLimits], redis_server: RedisServer) -> None:
    for number in range(20):
        await processes[0].take(f"address {number}", TRIES)
        await processes[0].call(f"login {number}", CALLS)
    keys = redis_server.command("KEYS", "*")
    assert len(keys) == 40
    assert all(0 < redis_server.command("TTL", key) <= 2 * 3600 for key in keys)


async def test_a_redis_that_is_killed_opens_no_door(
    processes: list[RedisLimits], redis_server: RedisServer
) -> None:
    """Of tries, each process still knows its own; calls are counted anew, by each. Then together again."""
    a, b = processes
    assert [await a.take("ann", TRIES) for _ in range(3)] == [True] * 3
    redis_server.kill()
    assert [await a.take("ann", TRIES) for _ in range(3)] == [True, False, False]
    assert [await b.take("ann", TRIES) for _ in range(5)] == [True] * 4 + [False]
    assert [(await a.call("ann", CALLS)).granted for _ in range(5)] == [True] * 4 + [False]
    assert not (await a.left("ann", CALLS)).granted
    redis_server.start()
    await together(processes)
    assert not await a.take("ann", TRIES)
    assert [await one.take("bo", TRIES) for one in (a, b, a, b, a)] == [True] * 4 + [False]


async def test_a_redis_that_forgot_everything_gives_no_new_tries_where_they_were_made(
    processes: list[RedisLimits], redis_server: RedisServer
) -> None:
    a, _ = processes
    assert [await a.take("ann", TRIES) for _ in range(5)][-1] is False
    redis_server.flush()
    assert not await a.take("ann", TRIES)


async def test_a_full_redis_is_one_that_is_away(
    processes: list[RedisLimits], redis_server: RedisServer
) -> None:
    a, b = processes
    redis_server.command("CONFIG", "SET", "maxmemory", "1")
    assert [await a.take("ann", TRIES) for _ in range(5)] == [True] * 4 + [False]
    assert [(await a.call("ann", CALLS)).granted for _ in range(5)] == [True] * 4 + [False]
    redis_server.command("CONFIG", "SET", "maxmemory", "0")
    await together([a, b])


@pytest.mark.alone
async def test_nobody_waits_for_a_redis_that_stands_still(redis_server: RedisServer) -> None:
    """Whoever finds out waits for a quarter of a second, all others not at all."""
    async with connect(redis_server.url) as client:
        limits = RedisLimits(client, name="tests", pause=LONG)
        await limits.take("ann", TRIES)
        redis_server.pause()
        try:
            began = monotonic()
            taken = await asyncio.gather(*(limits.take("ann", TRIES) for _ in range(20)))
            # The connection's own patience is 1.5 s, the most that a busy machine may add is less.
            assert monotonic() - began < PATIENCE.total_seconds() + 1
            assert sum(taken) == 3
            times = sorted([await timed(limits, number) for number in range(200)])
            assert times[100] < 0.01
            assert times[-3] < PATIENCE.total_seconds()  # the collector of garbage may hold up one or two
        finally:
            redis_server.resume()


async def timed(limits: RedisLimits, number: int) -> float:
    began = monotonic()
    assert (await limits.call(f"login {number}", CALLS)).granted
    return monotonic() - began


async def test_one_call_alone_finds_out_whether_it_is_back(redis_server: RedisServer) -> None:
    """With the time that it has; the others go on without."""
    async with connect(redis_server.url) as client:
        limits = RedisLimits(client, name="tests", patience=LONG, pause=timedelta(seconds=2))
        redis_server.kill()
        assert (await limits.call("ann", CALLS)).granted
        await asyncio.sleep(2)
        redis_server.start()
        redis_server.pause()
        first = asyncio.create_task(limits.call("ann", CALLS))
        await asyncio.sleep(0.1)
        assert (await limits.call("bo", CALLS)).granted
        assert not first.done()
        redis_server.resume()
        assert (await first).granted
        # Hers: his was counted here.
        assert redis_server.command("DBSIZE") == 1
