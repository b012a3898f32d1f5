"""Limits that two servers with a Redis share: whoever is refused at one is refused at the other."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.api.process import ApiServer
from tests.redis import RedisServer

pytestmark = pytest.mark.timeout(180)

LIMIT = 30
WRONG = {"email": "ann@example.org", "password": "not this one"}


@pytest.fixture
def servers(tmp_path: Path, redis_server: RedisServer) -> Generator[list[ApiServer]]:
    """Two processes with one database and one Redis."""
    env = {"REDIS_URL": redis_server.address, "THROTTLE_LIMIT": str(LIMIT), "THROTTLE_TTL": "3600"}
    both = [ApiServer(tmp_path, **env) for _ in range(2)]
    try:
        for server in both:
            server.start()
        yield both
    finally:
        for server in both:
            server.stop()


@pytest.fixture
async def clients(servers: list[ApiServer]) -> AsyncGenerator[list[httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60)
            )
            for server in servers
        ]


async def granted(clients: list[httpx.AsyncClient], calls: int, *, of: str) -> int:
    """How many of so many calls of somebody are answered, made at the servers in turn."""
    statuses: list[int] = []
    for number in range(calls):
        client = clients[number % len(clients)]
        answer = await client.get("/api/sessions", headers={"Authorization": f"Bearer {of}"})
        statuses.append(answer.status_code)
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


async def token(client: httpx.AsyncClient) -> str:
    return (await client.post("/api/token", json={"name": "Ann"})).json()["token"]


async def test_limits_hold_at_both_and_outlive_redis(
    servers: list[ApiServer], clients: list[httpx.AsyncClient], redis_server: RedisServer
) -> None:
    """Calls and tries with a password. Then with a Redis that stands still, for which nobody waits, and with
    one that is gone: no error, no open door."""
    ann, bo, cy = [await token(clients[0]) for _ in range(3)]
    # A busy machine may make Redis late once; then some calls are counted apart.
    assert LIMIT <= await granted(clients, 2 * LIMIT, of=ann) < 2 * LIMIT
    tries = [(await clients[n % 2].post("/api/login", json=WRONG)).status_code for n in range(20)]
    assert set(tries) == {401, 429}
    assert 10 <= tries.count(401) < 20
    assert tries[-1] == 429
    assert redis_server.command("DBSIZE") > 0

    redis_server.pause()
    try:
        began = monotonic()
        async with asyncio.timeout(30):
            assert LIMIT <= await granted(clients, 3 * LIMIT, of=bo) <= 2 * LIMIT
        # Each waits for a quarter of a second every 5 s; the rest is what a busy machine adds.
        assert monotonic() - began < 20
        assert {(await one.post("/api/login", json=WRONG)).status_code for one in clients} <= {401, 429}
    finally:
        redis_server.resume()

    redis_server.kill()
    assert LIMIT <= await granted(clients, 3 * LIMIT, of=cy) <= 2 * LIMIT
    assert all(server.is_running for server in servers)
