"""The connections to PostgreSQL: how they are set up, when they go silent, and what is left of them."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from sqlalchemy import text

from chatapp.domain.errors import Unavailable
from chatapp.storage import postgres
from chatapp.storage.database import Database, Transaction
from tests.postgres import PostgresServer
from tests.storage.said import OWNERS, heard, opened, say, where_one_says
from tests.tcp_proxy import Proxy
from tests.waiting import until


@pytest.fixture
async def database(postgres_database: str) -> AsyncGenerator[Database]:
    async with where_one_says(postgres_database) as found:
        yield found


async def test_every_connection_is_set_up(database: Database):
    """Whatever a statement waits for, it has an end; times are in UTC."""

    def shown(transaction: Transaction) -> tuple[str, ...]:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "timezone")
        return tuple(transaction.execute(text(f"SHOW {name}")).scalar_one() for name in names)

    answers = await asyncio.gather(
        database.write(shown),
        database.append(shown),
        *(database.write(shown, of=owner) for owner in OWNERS),
        *(database.read(shown) for _ in range(6)),
    )
    assert set(answers) == {("8s", "15s", "5s", "UTC")}
    assert await database.change_schema(shown) == ("0", "0", "0", "UTC")


async def test_a_server_that_says_nothing_any_more_is_not_waited_for(
    database: Database,
    postgres_database: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
):
    """A line that went silent, and a new one does not come: a refusal. With the next line all is well."""
    monkeypatch.setattr(postgres, "LONGEST_TRANSACTION", timedelta(seconds=1))
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_S", 2)
    async with Proxy(postgres_server.port) as proxy:
        url = postgres_server.url(postgres_database.rpartition("/")[2], port=proxy.port)
        async with opened(url) as far:
            for owner in OWNERS:
                await far.write(say("kept"), of=owner)
            await far.read(heard)
            proxy.silence()
            asked = [far.write(say("refused"), of="ann"), far.read(heard), far.append(say("refused"))]
            for answer in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(answer, Unavailable)
            proxy.heal()
            await far.write(say("kept"), of="ann")
            assert len(await far.read(heard)) == len(OWNERS) + 1


async def test_one_line_that_is_silent_tells_of_all(
    database: Database,
    postgres_database: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
):
    """A firewall forgot the connections: once the first was waited for, the others are opened anew."""
    monkeypatch.setattr(postgres, "LONGEST_TRANSACTION", timedelta(seconds=1))
    async with Proxy(postgres_server.port) as proxy:
        url = postgres_server.url(postgres_database.rpartition("/")[2], port=proxy.port)
        async with opened(url) as far:
            for owner in OWNERS:
                await far.write(say("before"), of=owner)
            await far.append(say("before"))
            await far.write(say("before"))
            proxy.strand()
            await far.append(say("after"))
            async with asyncio.timeout(0.9):
                for owner in OWNERS:
                    await far.write(say("after"), of=owner)
                await far.write(say("after"))
                assert (await far.read(heard)).count("after") == len(OWNERS) + 2


async def test_nothing_is_left_at_the_server(
    database: Database,
    postgres_database: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
):
    """A connection that is not needed is closed; one whose end never came to the server is ended there."""
    monkeypatch.setattr(postgres, "LONGEST_TRANSACTION", timedelta(seconds=0.5))
    monkeypatch.setattr(postgres, "KEPT_UNUSED", timedelta(seconds=1))
    monkeypatch.setitem(postgres._SETTINGS, "idle_session_timeout", 3000)
    name = postgres_database.rpartition("/")[2]

    def connections() -> int:
        ((count,),) = postgres_server.run(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        return count

    await until(lambda: connections() <= 1)
    async with (
        Proxy(postgres_server.port) as proxy,
        opened(postgres_server.url(name, port=proxy.port)) as far,
    ):
        for owner in OWNERS:
            await far.write(say("before"), of=owner)
        assert connections() > 1
        await until(lambda: connections() <= 1)
        for owner in OWNERS:
            await far.write(say("again"), of=owner)
        proxy.strand()
        for owner in OWNERS:
            await far.write(say("after"), of=owner)
        await until(lambda: connections() <= 1)
        assert (await far.read(heard)).count("after") == len(OWNERS)
