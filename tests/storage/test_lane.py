"""Works that share a transaction: each is all or nothing, and what was said to be stored is stored."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from chatapp.domain.errors import NotFound, StorageFull, Unavailable
from chatapp.storage.database import Database, Transaction
from tests.storage.made import make_conversation, principal, queued
from tests.waiting import until


def titles(transaction: Transaction) -> set[str]:
    return set(transaction.execute(text("SELECT title FROM conversations")).scalars())


def named(title: str) -> Callable[[Transaction], None]:
    """A work that writes a conversation of this title."""

    def work(transaction: Transaction) -> None:
        made = make_conversation(transaction, principal(title))
        rename = text("UPDATE conversations SET title = :title WHERE key = :key")
        transaction.execute(rename, {"title": title, "key": made.key})

    return work


def refused(title: str) -> Callable[[Transaction], None]:
    """The same, and then it is refused."""

    def work(transaction: Transaction) -> None:
        named(title)(transaction)
        raise NotFound

    return work


def too_big(transaction: Transaction) -> None:
    """Needs more room than there is."""
    transaction.execute(text(f"PRAGMA max_page_count={pages(transaction) + 20}"))
    named("big")(transaction)
    transaction.execute(text("UPDATE conversations SET title = 'big' || hex(randomblob(400000))"))


def pages(transaction: Transaction) -> int:
    return transaction.execute(text("PRAGMA page_count")).scalar_one()


@asynccontextmanager
async def waiting_together(database: Database) -> AsyncGenerator[None]:
    """What is handed in within this block waits until its end, behind a work that is being done."""
    began, may_end = threading.Event(), threading.Event()

    def slowly(_: Transaction) -> None:
        began.set()
        may_end.wait(10)

    slow = asyncio.create_task(database.write(slowly))
    await until(began.is_set)
    try:
        yield
        await asyncio.sleep(0)  # the tasks of the block hand in what they have
    finally:
        may_end.set()
    await slow


def handed_in(database: Database, *works: Callable[[Transaction], Any]) -> "asyncio.Future[list[Any]]":
    return asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)


async def test_works_that_wait_together_share_a_commit(database: Database):
    """Under load a commit, and its flush to the disk, is paid for once for many."""
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    event.listen(Engine, "commit", note)
    try:
        async with waiting_together(database):
            written = handed_in(database, *(named(f"t{number}") for number in range(6)))
        assert await written == [None] * 6
    finally:
        event.remove(Engine, "commit", note)
    assert len(commits) < 6
    assert await database.read(titles) == {f"t{number}" for number in range(6)}


async def test_one_that_is_refused_takes_nobody_along(database: Database):
    """It leaves no trace, and those before and behind it in the same transaction are stored."""
    async with waiting_together(database):
        written = handed_in(database, named("a"), refused("b"), named("c"), refused("d"), named("e"))
    outcomes = await written
    assert [type(outcome) for outcome in outcomes] == [type(None), NotFound, type(None), NotFound, type(None)]
    assert await database.read(titles) == {"a", "c", "e"}


async def test_a_fault_of_a_statement_takes_nobody_along(database: Database):
    """A constraint that one of them breaks is its own affair."""

    def broken(transaction: Transaction) -> None:
        named("b")(transaction)
        transaction.execute(text("INSERT INTO runs (id) VALUES ('x')"))

    async with waiting_together(database):
        written = handed_in(database, named("a"), broken, named("c"))
    first, fault, last = await written
    assert (first, last) == (None, None)
    assert "NOT NULL" in str(fault)
    assert await database.read(titles) == {"a", "c"}


async def test_a_full_disk_tells_the_truth_to_each(database: Database):
    """SQLite may undo the whole transaction: whoever was told that it is stored has it stored."""
    for _ in range(3):
        async with waiting_together(database):
            written = handed_in(database, named("a"), too_big, named("c"))
        first, big, last = await written
        await database.write(lambda transaction: transaction.execute(text("PRAGMA max_page_count=1000000")))
        assert isinstance(big, StorageFull)
        there = await database.read(titles)
        for title, outcome in (("a", first), ("c", last)):
            assert outcome is None or isinstance(outcome, StorageFull)
            assert (title in there) == (outcome is None)
        await database.write(lambda transaction: transaction.execute(text("DELETE FROM conversations")))
    await database.write(named("z"))
    assert await database.read(titles) == {"z"}


async def test_what_has_not_begun_when_its_caller_goes_is_not_done(database: Database):
    """A send whose socket is gone before its turn came is not stored; what waits behind it is."""
    async with waiting_together(database):
        gone = asyncio.create_task(database.write(named("gone")))
        there = asyncio.create_task(database.write(named("there")))
        await asyncio.sleep(0)
        gone.cancel()
    await asyncio.wait([gone, there])
    assert gone.cancelled()
    assert await database.read(titles) == {"there"}


async def test_a_read_finds_what_was_stored_before_it_was_asked_for(database: Database):
    """However many reads are on their way, and whatever they share."""
    reading = [asyncio.create_task(database.read(titles)) for _ in range(20)]
    for number in range(20):
        await database.write(named(f"t{number}"))
        reading += [asyncio.create_task(database.read(titles)) for _ in range(5)]
        assert f"t{number}" in await database.read(titles)
    await asyncio.gather(*reading)


async def test_a_closed_database_refuses(database: Database):
    """Nobody waits for an answer that cannot come."""
    await database.close()
    with pytest.raises(Unavailable):
        await database.read(titles)
    with pytest.raises(Unavailable):
        await queued(database)
