"""The database: one writer and one reader on SQLite, each a thread; never on the event loop.

A piece of work is a function of a transaction and runs as a whole in one thread. Statement by statement
over an async driver, each statement would wait for a turn of the event loop: with 250 users streaming, that
made a send of ten statements take two seconds, and every other write waited behind it.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DatabaseError, OperationalError

from chatapp.domain.errors import StorageFull, Unavailable
from chatapp.domain.scripts import spaced

#: What repositories work in. Services pass it on and look no further.
Transaction = Connection

T = TypeVar("T")

#: How long a write waits for another process's lock before it gives up (ms). Longer than the 5 s for which a
#: backup tool may lock the file, shorter than a person's patience.
BUSY_TIMEOUT_MS = 8_000
#: One thread for reads beside the one for writes. Reads take a millisecond, nearly all of it in the
#: interpreter, where more threads only take turns with each other and with the event loop: with three, a send
#: took 2 to 4 s in the median while 250 users began to stream, with one half a second.
SQLITE_READERS = 1


class Database:
    """Runs work in read and in write transactions.

    All writes of the process go through one connection, in the order they came: waiting in a queue costs
    nothing, waiting for a lock costs retries and ends in "database is locked".

    Args:
        url: `sqlite:///path`.
    """

    def __init__(self, url: str) -> None:
        self._reader: Engine = _sqlite(url, size=SQLITE_READERS, begin="BEGIN")
        self._writer: Engine = _sqlite(url, size=1, begin="BEGIN IMMEDIATE")
        self._readers: ThreadPoolExecutor = ThreadPoolExecutor(SQLITE_READERS, thread_name_prefix="db-read")
        self._writers: ThreadPoolExecutor = ThreadPoolExecutor(1, thread_name_prefix="db-write")

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work on one consistent picture. Raises `Unavailable`, and what the work raises."""

        def job() -> T:
            with _translated(), self._reader.begin() as transaction:
                return work(transaction)

        return await asyncio.get_running_loop().run_in_executor(self._readers, job)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work and commits it, or leaves no trace of it when it raises.

        A caller that is cancelled meanwhile does not stop it: what began is then committed all the same.

        Raises:
            StorageFull, Unavailable: nothing was written.
        """

        def job() -> T:
            with _translated(), self._writer.begin() as transaction:
                return work(transaction)

        return await asyncio.get_running_loop().run_in_executor(self._writers, job)

    async def close(self) -> None:
        """Waits for the work that has begun and closes all connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.shutdown()
        self._writers.shutdown()
        self._reader.dispose()
        self._writer.dispose()


class _translated:  # noqa: N801  (reads as a phrase where it is used)
    """Turns the database's errors into those a person can be shown."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # A damaged file is a bare DatabaseError; the kinds below it but one are faults of our statements.
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            text = str(error.orig)
            if "full" in text or "disk I/O" in text or "No space" in text:
                raise StorageFull from error
            raise Unavailable from error


def _sqlite(url: str, *, size: int, begin: str) -> Engine:
    # A connection may be closed by another thread than the one that used it, never used by two at once.
    arguments = {"check_same_thread": False}
    engine = create_engine(url, pool_size=size, max_overflow=0, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: Any) -> None:
        # The driver's own BEGIN comes too late for IMMEDIATE; ours is emitted below.
        connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue]
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _use_wal(cursor)
        for pragma in (
            # What a reader was shown survives even a power cut: one disk flush in every ticker step, in the
            # writer's thread (0.4 ms here), is a price that nobody sees.
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            # KiB: with SQLite's 2 MB, a walk up 10,000 messages takes half as long again.
            "cache_size=-32000",
            # Triggers may call `search_words`, also where SQLite was built to forbid it.
            "trusted_schema=ON",
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        # `search_words`: SQLite's tokenizer would take a whole sentence of Chinese for one word. Triggers
        # alone call it: who reads or repairs the file with other tools needs it not, who writes texts does.
        # `folded`: names are found whatever their case, which SQLite knows of ASCII alone.
        for name, function in (("search_words", spaced), ("folded", str.casefold)):
            connection.create_function(  # pyright: ignore[reportAttributeAccessIssue]
                name, 1, function, deterministic=True
            )

    @event.listens_for(engine, "begin")
    def open_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _use_wal(cursor: DBAPICursor) -> None:
    """Changes the file to write-ahead logging, for good.

    SQLite does not wait for a lock here, whatever the busy timeout: of two processes that start at once on a
    fresh file one would be told "database is locked".
    """
    deadline = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if monotonic() > deadline:
                raise
            sleep(0.01)
