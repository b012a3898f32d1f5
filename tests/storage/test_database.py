"""The database file: one writer, many readers, other programs beside it, and disks that are full."""

import asyncio
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chatapp.domain.errors import NotFound, StorageFull, Unavailable
from chatapp.storage.database import Database, Transaction
from chatapp.storage.migrate import migrate
from tests.databases import url_of
from tests.storage.made import make_conversation, opened_database, principal, queued
from tests.waiting import until


def counted(transaction: Transaction) -> int:
    return transaction.execute(text("SELECT count(*) FROM conversations")).scalar_one()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),  # readers do not wait for the writer
        ("synchronous", 2),  # FULL: what a reader was shown survives a power cut
        ("foreign_keys", 1),
        ("busy_timeout", 8000),
        ("trusted_schema", 1),  # triggers call a function of ours
    ],
)
async def test_every_connection_is_set_up(database: Database, pragma: str, value: Any):
    """SQLite forgets most settings with each connection; all of ours have them."""
    ask = text(f"PRAGMA {pragma}")
    answers = await asyncio.gather(
        database.write(lambda transaction: transaction.execute(ask).scalar_one()),
        *(database.read(lambda transaction: transaction.execute(ask).scalar_one()) for _ in range(6)),
    )
    assert set(answers) == {value}


async def test_work_that_raises_leaves_no_trace(database: Database):
    """A transaction is all or nothing, and the next one is not disturbed."""

    def work(transaction: Transaction) -> None:
        make_conversation(transaction, principal())
        raise NotFound

    with pytest.raises(NotFound):
        await database.write(work)
    assert await database.read(counted) == 0
    await queued(database)
    assert await database.read(counted) == 1


async def test_fifty_writers_at_once_all_get_their_turn(database: Database):
    """They wait in a line instead of for a lock: no "database is locked", no lost write, readers beside."""
    readers = [asyncio.create_task(database.read(counted)) for _ in range(20)]
    await asyncio.gather(*(queued(database, owner=f"owner{number}") for number in range(50)))
    await asyncio.gather(*readers)
    assert await database.read(counted) == 50


async def test_two_programs_on_one_file_all_get_their_turn(database: Database, database_file: Path):
    """A second process, here a second `Database`, waits for the first one's lock and goes on."""
    other = Database(url_of(database_file))
    await asyncio.gather(*(queued(one, owner=f"{place}") for place, one in enumerate([database, other] * 20)))
    await other.close()
    assert await database.read(counted) == 40


async def test_readers_see_one_picture_and_do_not_wait(database: Database):
    """A read that began before a write sees nothing of it, however long both take."""
    began, may_end = threading.Event(), threading.Event()

    def slowly(transaction: Transaction) -> tuple[int, int]:
        before = counted(transaction)
        began.set()
        may_end.wait(5)
        return before, counted(transaction)

    reading = asyncio.create_task(database.read(slowly))
    await until(began.is_set)
    await queued(database)
    may_end.set()
    assert await reading == (0, 0)
    assert await database.read(counted) == 1


async def test_a_caller_who_is_cancelled_does_not_break_the_writer(database: Database):
    """What began is committed whole, what did not begin is not; the line goes on."""
    for pause in range(10):
        tasks = [asyncio.create_task(queued(database, owner=f"{pause}.{n}")) for n in range(5)]
        for _ in range(pause):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await queued(database, owner="last")

    def messages(transaction: Transaction) -> int:
        return transaction.execute(text("SELECT count(*) FROM messages")).scalar_one()

    assert await database.read(messages) == 2 * await database.read(counted)


@contextmanager
def held(path: Path) -> Generator[None]:
    """Another program holds the write lock of this file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


async def test_a_lock_that_passes_is_waited_for(database: Database, database_file: Path):
    """A backup may hold the file for a while: writes wait and succeed, reads do not even wait."""
    with held(database_file):
        writing = asyncio.create_task(queued(database))
        # The lock is there until this block ends: whatever ends within it has not waited for it.
        assert await database.read(counted) == 0
        done, _ = await asyncio.wait([writing], timeout=0.5)
        assert not done
    await writing
    assert await database.read(counted) == 1


async def test_a_lock_that_does_not_pass_is_a_clear_refusal(
    database_file: Path, monkeypatch: pytest.MonkeyPatch
):
    """After the busy timeout a write is refused with `Unavailable`; as soon as the lock is gone all is
    well."""
    monkeypatch.setattr("chatapp.storage.sqlite.BUSY_TIMEOUT_MS", 200)

    async with opened_database(url_of(database_file)) as database:
        with held(database_file), pytest.raises(Unavailable):
            await queued(database)
        assert await database.read(counted) == 0
        await queued(database)
        assert await database.read(counted) == 1


async def test_a_full_disk_is_a_clear_refusal(database: Database):
    """Nothing of the write is kept, reads go on, and once there is room again writes do too."""

    def limit(transaction: Transaction, pages: int) -> None:
        transaction.execute(text(f"PRAGMA max_page_count={pages}"))

    def big(transaction: Transaction) -> None:
        make_conversation(transaction, principal())
        transaction.execute(text("UPDATE conversations SET title = hex(randomblob(400000))"))

    for _ in range(2):
        # A connection that was refused is not used again.
        await database.write(lambda transaction: limit(transaction, 1))
        with pytest.raises(StorageFull):
            await database.write(big)
        assert await database.read(counted) == 0
    await database.write(lambda transaction: limit(transaction, 1_000_000))
    await database.write(big)
    assert await database.read(counted) == 1


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path):
    """A start on a damaged file ends with a word, and leaves the file alone."""
    path = tmp_path / "chatapp.db"
    path.write_bytes(b"not a database, and long enough for a header" * 100)
    database = Database(url_of(path))
    with pytest.raises(Unavailable):
        await database.read(counted)
    await database.close()
    assert path.read_bytes().startswith(b"not a database")


async def test_closing_waits_for_what_has_begun(database_file: Path):
    """A shutdown does not tear a commit apart."""

    database = Database(url_of(database_file))
    await migrate(database)
    writing = asyncio.create_task(queued(database))
    await asyncio.sleep(0)
    await database.close()
    await writing
    with closing(sqlite3.connect(database_file)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
