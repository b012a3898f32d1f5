"""Two processes over one Redis, as far as they can be told apart: each has its own services."""

from collections.abc import AsyncGenerator

import pytest

from tests.chat import Chat, Opening
from tests.redis import RedisServer


@pytest.fixture
async def worker(opening: Opening, redis_server: RedisServer) -> AsyncGenerator[Chat]:
    """The process that makes the replies."""
    async with opening(REDIS_URL=redis_server.address) as opened:
        yield opened


@pytest.fixture
async def web(opening: Opening, redis_server: RedisServer, worker: Chat) -> AsyncGenerator[Chat]:
    """One that only serves."""
    async with opening(REDIS_URL=redis_server.address, WORKER="external") as opened:
        yield opened
