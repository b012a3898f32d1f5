"""Limits hold, fill again, and keep people apart, wherever they are counted."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from time import time

import pytest

from chatapp.streams.connecting import connect
from chatapp.streams.limits import Allowance, Limits, Rate
from chatapp.streams.memory_limits import MemoryLimits
from chatapp.streams.redis_limits import RedisLimits

HOUR = timedelta(hours=1)
TRIES = Allowance(name="tries", burst=3, each=HOUR)
CALLS = Rate(limit=3, period=HOUR)


@pytest.fixture(params=["memory", "redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncGenerator[Limits]:
    if request.param == "memory":
        yield MemoryLimits()
        return
    async with connect(request.getfixturevalue("redis_server").url) as client:
        # How fast it answers is not what is promised here.
        yield RedisLimits(client, name="tests", patience=timedelta(seconds=20))


async def test_so_many_at_once_and_no_more(limits: Limits) -> None:
    assert [await limits.take("ann", TRIES) for _ in range(5)] == [True] * 3 + [False] * 2
    assert await limits.take("bo", TRIES)


async def test_tries_at_the_same_time_are_counted_one_by_one(limits: Limits) -> None:
    taken = await asyncio.gather(*(limits.take("ann", TRIES) for _ in range(20)))
    assert sum(taken) == 3


async def test_one_thing_is_not_counted_for_another(limits: Limits) -> None:
    other = Allowance(name="sign-ups", burst=3, each=HOUR)
    assert [await limits.take("ann", TRIES) for _ in range(4)][-1] is False
    assert [await limits.take("ann", other) for _ in range(4)] == [True] * 3 + [False]


async def test_what_went_well_is_given_back_and_no_more(limits: Limits) -> None:
    for _ in range(3):
        await limits.take("ann", TRIES)
    await limits.give_back("ann", TRIES)
    assert [await limits.take("ann", TRIES) for _ in range(2)] == [True, False]
    for _ in range(9):
        await limits.give_back("ann", TRIES)
    assert [await limits.take("ann", TRIES) for _ in range(4)] == [True] * 3 + [False]


async def test_one_more_comes_in_time(limits: Limits) -> None:
    """And what is refused meanwhile does not put it off."""
    quick = Allowance(name="quick", burst=2, each=timedelta(seconds=1))
    while await limits.take("ann", quick):
        pass
    began = time()
    while not await limits.take("ann", quick):  # noqa: ASYNC110  (time alone makes it true)
        await asyncio.sleep(0.02)
    assert time() - began < 10
    assert not await limits.take("ann", Allowance(name="slow", burst=0, each=HOUR))


async def test_a_share_of_calls_is_told(limits: Limits) -> None:
    shares = [await limits.call("ann", CALLS) for _ in range(5)]
    assert [share.granted for share in shares] == [True] * 3 + [False] * 2
    assert [share.remaining for share in shares] == [2, 1, 0, 0, 0]
    assert {share.limit for share in shares} == {3}
    assert all(0 < share.wait <= 3601 and 0 < share.resets_at - time() <= 3601 for share in shares)
    assert (await limits.call("bo", CALLS)).granted


async def test_to_ask_what_is_left_costs_nothing(limits: Limits) -> None:
    assert [(await limits.left("ann", CALLS)).granted for _ in range(9)] == [True] * 9
    for _ in range(3):
        await limits.call("ann", CALLS)
    left = await limits.left("ann", CALLS)
    assert (left.granted, left.remaining) == (False, 0)


async def test_calls_come_back(limits: Limits) -> None:
    """Within the time that was said."""
    rate = Rate(limit=2, period=timedelta(seconds=1))
    while (share := await limits.call("ann", rate)).granted:
        pass
    await asyncio.sleep(share.wait)
    assert (await limits.call("ann", rate)).granted
