"""Leases in the database: the dead are known within LEASE_TTL, and nobody who lives is taken for dead."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from chatapp.domain.leases import WorkerLease
from chatapp.engine.leases import DatabaseLeases
from chatapp.storage.database import Database, Transaction
from chatapp.storage.leases import LeaseRepository
from chatapp.storage.runs import RunRepository
from tests.storage.made import opened_database, queued
from tests.waiting import eventually, until

TTL = timedelta(seconds=1.5)


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    async with opened_database(database_url) as opened:
        yield opened


def worker(database: Database, name: str, *, stands_in: bool = False) -> DatabaseLeases:
    return DatabaseLeases(
        database=database,
        name=name,
        ttl=TTL,
        slots=1,
        active=lambda: 0,
        dedicated=not stands_in,
        stands_in=stands_in,
    )


async def read(database: Database) -> list[WorkerLease]:
    return await database.read(lambda work: LeaseRepository(work).all())


@asynccontextmanager
async def living(database: Database, leases: DatabaseLeases) -> AsyncGenerator[asyncio.Task[None]]:
    """It renews and looks around, as a worker does."""
    await leases.acquire()

    async def look() -> None:
        while True:
            await leases.saw(await read(database))
            await asyncio.sleep(0.05)

    keeping, looking = asyncio.create_task(leases.keep()), asyncio.create_task(look())
    try:
        yield keeping
    finally:
        for task in (keeping, looking):
            task.cancel()
        await asyncio.wait((keeping, looking))


async def test_the_dead_are_known_within_the_lease_and_their_runs_are_free(database: Database) -> None:
    dead, alive = worker(database, "dead"), worker(database, "alive")
    run = await queued(database)
    await dead.acquire()  # and never renews
    begun = await database.write(lambda work: RunRepository(work).begin(run.id, worker=dead.name))
    assert begun is not None

    async def claimed() -> bool:
        return await database.write(lambda work: RunRepository(work).claim(begun, worker=alive.name))

    async with living(database, alive):
        assert not await claimed()
        began = asyncio.get_running_loop().time()
        await eventually(claimed, seconds=15)
        assert asyncio.get_running_loop().time() - began > TTL.total_seconds() / 2
        assert [one.name for one in await read(database)] == [alive.name]


async def test_one_that_wakes_up_late_learns_that_it_was_taken_for_dead(database: Database) -> None:
    """Its lease is lost; with the next one it is somebody else."""
    late, alive = worker(database, "late"), worker(database, "alive")
    await late.acquire()
    first = late.name
    async with living(database, alive):

        async def buried() -> bool:
            return [one.name for one in await read(database)] == [alive.name]

        await eventually(buried, seconds=15)
        await asyncio.wait_for(late.keep(), 5)
        await late.release()
        await late.acquire()
        assert late.name != first


async def test_clocks_judge_nobody(database: Database) -> None:
    """The database's clock jumps by an hour: all rows look old, and all that renew them live."""
    one, other = worker(database, "one"), worker(database, "other")
    async with living(database, one) as first, living(database, other) as second:

        def jump(work: Transaction) -> None:
            work.execute(text("UPDATE workers SET seen_at_ms = seen_at_ms - 3600000"))

        for _ in range(4):
            await database.write(jump)
            await asyncio.sleep(TTL.total_seconds() / 2)  # the fault itself has a length
        assert not first.done()
        assert not second.done()
        assert len(await read(database)) == 2


async def test_who_could_not_renew_judges_nobody(database: Database) -> None:
    """Another that was silent as long may have had the same trouble: the database was away, or the machine
    stood still."""
    one, other = worker(database, "one"), worker(database, "other")
    await one.acquire()
    await other.acquire()
    assert await one.saw(await read(database)) == {other.name}
    await asyncio.sleep(TTL.total_seconds() * 1.2)  # neither renews
    assert await one.saw(await read(database)) == {other.name}
    assert len(await read(database)) == 2


async def test_who_renews_again_first_judges_nobody_by_the_time_before(database: Database) -> None:
    """The database was away for both, and the other one's renewal is still on its way when it answers."""
    first, second = worker(database, "first"), worker(database, "second")
    await first.acquire()
    await second.acquire()
    await first.saw(await read(database))
    await asyncio.sleep(TTL.total_seconds() * 1.2)
    before = [one.beats for one in await read(database) if one.name == first.name]
    keeping = asyncio.create_task(first.keep())

    async def renewed() -> bool:
        return [one.beats for one in await read(database) if one.name == first.name] != before

    await eventually(renewed)
    await asyncio.sleep(0.05)
    assert await first.saw(await read(database)) == {second.name}
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_one_that_stands_in_leaves_new_runs_to_those_that_do_nothing_else(database: Database) -> None:
    """While such a worker lives, and until it is known whether one does."""
    page, made_for_it = worker(database, "page", stands_in=True), worker(database, "worker")
    await made_for_it.acquire()
    async with living(database, page):
        assert page.rests
        await until(lambda: not page.rests, seconds=15)


async def test_owners_have_so_many_slots_among_all_workers(database: Database) -> None:
    """The claim itself counts, whatever each queue believes."""
    runs = [await queued(database) for _ in range(3)]

    async def begin(number: int, worker: str) -> bool:
        found = await database.write(
            lambda work: RunRepository(work).begin(runs[number].id, worker=worker, most=2)
        )
        return found is not None

    assert [await begin(0, "one"), await begin(1, "other"), await begin(2, "one")] == [True, True, False]
