"""What a worker may expect of its lease, whether it is the lock file or a row that is renewed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chatapp.domain.ids import new_id
from chatapp.domain.runs import Run
from chatapp.engine.leases import DatabaseLeases, Leases
from chatapp.engine.lock import EngineLock
from chatapp.engine.roster import LeaseRoster, LockRoster, Roster
from chatapp.storage.database import Database
from chatapp.storage.leases import LeaseRepository
from chatapp.storage.runs import RunRepository
from tests.storage.made import opened_database, queued

TTL = timedelta(seconds=300)
Make = Callable[[], tuple[Leases, Roster]]


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    async with opened_database(database_url) as opened:
        yield opened


@pytest.fixture(params=["lock", "database"])
def make(request: pytest.FixtureRequest, tmp_path: Path, database: Database) -> Make:
    """Each call is another process."""

    def made() -> tuple[Leases, Roster]:
        if request.param == "lock":
            lock = EngineLock(tmp_path / "engine.lock")
            return lock, LockRoster(lock)
        leases = DatabaseLeases(
            database=database, name=new_id(), ttl=TTL, slots=3, active=lambda: 1, dedicated=True
        )
        return leases, LeaseRoster(database, ttl=TTL)

    return made


async def taken(database: Database, run: Run, leases: Leases) -> bool:
    """Whether the run can be claimed under this lease."""
    return await database.write(lambda work: RunRepository(work).claim(run, worker=leases.name))


async def test_it_is_held_from_acquire_to_release(make: Make) -> None:
    """Everybody can see who works; nobody does before and after."""
    leases, roster = make()
    assert (leases.held, await roster.workers()) == (False, ())
    await asyncio.wait_for(leases.acquire(), 5)
    assert leases.held
    assert len(await roster.workers()) == 1
    await leases.release()
    await leases.release()
    assert (leases.held, await roster.workers()) == (False, ())


async def test_what_was_left_is_free(make: Make, database: Database) -> None:
    """A worker that ends gives its runs back: the next one takes them at once, as the next attempt."""
    run = await queued(database)
    first, _ = make()
    await first.acquire()
    assert await taken(database, run, first)
    await first.release()
    second, _ = make()
    await asyncio.wait_for(second.acquire(), 5)
    assert await taken(database, replace(run, attempt=1), second)
    assert not await taken(database, replace(run, attempt=1), second)
    await second.release()


async def test_it_lasts_while_it_is_kept(make: Make, database: Database) -> None:
    """Whoever looks around meanwhile ends nobody's lease, and one alone tells people their places."""
    leases, _ = make()
    await leases.acquire()
    keeping = asyncio.create_task(leases.keep())
    for _ in range(3):
        await leases.saw(await database.read(lambda work: LeaseRepository(work).all()))
    assert leases.held
    assert not leases.rests
    assert leases.speaks
    assert not keeping.done()
    keeping.cancel()
    await leases.release()
