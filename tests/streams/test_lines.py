"""A line to Redis that ends in the moment before it is written to.

On uvloop, which has a word of its own for that: a kill of Redis took processes with it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
import uvloop
from redis.asyncio.connection import AbstractConnection

from chatapp.streams.base import Queued
from chatapp.streams.connecting import connect
from chatapp.streams.limits import Rate
from chatapp.streams.redis_limits import RedisLimits
from tests.redis import RedisServer
from tests.streams.carried import Ear, carried
from tests.waiting import until


@contextmanager
def cut_before_each_write() -> Iterator[list[AbstractConnection]]:
    """The lines that were."""
    cut: list[AbstractConnection] = []
    checked = AbstractConnection.check_health

    async def check_health(line: AbstractConnection) -> None:
        await checked(line)
        cast("Any", line)._writer.transport.abort()
        await asyncio.sleep(0.02)
        cut.append(line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractConnection, "check_health", check_health)
        yield cut


def test_notices_are_carried_again(redis_server: RedisServer):
    """What was said meanwhile may be missed, which listeners are told; the process goes on."""

    async def tried() -> None:
        async with carried(redis_server) as one, carried(redis_server) as two:
            ear = Ear(two, "t")
            with cut_before_each_write() as cut:
                one.publish("t", Queued(message_id="m", position=1))
                await until(lambda: len(cut) > 3)
            await until(lambda: one.is_there and two.is_there)
            last = Queued(message_id="m", position=2)
            one.publish("t", last)
            await until(lambda: last in ear.notices)
            assert ear.missed

    uvloop.run(tried())


def test_calls_are_counted_here(redis_server: RedisServer):
    async def tried() -> None:
        client = connect(redis_server.url)
        limits, rate = RedisLimits(client, name="test"), Rate(limit=2, period=timedelta(minutes=1))
        assert (await limits.call("ann", rate)).granted
        with cut_before_each_write() as cut:
            shares = [await limits.call("ann", rate) for _ in range(3)]
            assert [share.granted for share in shares] == [True, True, False]
        assert cut
        await client.aclose()

    uvloop.run(tried())
