"""Broadcasts over a Redis as processes have them; several in one process are as strange to each other."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from chatapp.streams.base import Missed, Notice
from chatapp.streams.connecting import connect
from chatapp.streams.redis import RedisBroadcast
from chatapp.telemetry.metrics import Metrics
from tests.redis import RedisServer
from tests.waiting import until

CHANNEL = "chatapp:test"


class Ear:
    """What somebody was told of a topic: the notices, and how often that something may be missing."""

    def __init__(self, broadcast: RedisBroadcast, topic: str) -> None:
        self.notices: list[Notice] = []
        self.missed = 0
        self.close = broadcast.listen(topic, self._hear)

    def _hear(self, notice: Notice) -> None:
        if notice == Missed():
            self.missed += 1
        else:
            self.notices.append(notice)


@asynccontextmanager
async def carried(
    server: RedisServer,
    *,
    url: str = "",
    channel: str = CHANNEL,
    name: str = "",
    metrics: Metrics | None = None,
) -> AsyncGenerator[RedisBroadcast]:
    """One that is connected already. `url` is another way to the server."""
    client = connect(url or server.url)
    broadcast = RedisBroadcast(client, channel=channel, name=name, metrics=metrics)
    running = asyncio.create_task(broadcast.run())
    try:
        await until(lambda: broadcast.is_there or running.done())
        assert not running.done()
        yield broadcast
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await client.aclose()
