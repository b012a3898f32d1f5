"""SQLite: one writer and one reader, each a thread.

There is one thread for reads: they take a millisecond, nearly all of it in the interpreter, where more
threads only take turns with each other and with the event loop. With three, a send took 2 to 4 s in the
median while 250 users began to stream, with one half a second.

All writes of the process go through one connection, in the order they came: waiting in a queue costs
nothing, waiting for a lock costs retries and ends in "database is locked".
"""

import sqlite3
from collections.abc import Collection
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from chatapp.domain.errors import StorageFull, Unavailable
from chatapp.domain.scripts import spaced
from chatapp.storage.lane import Lane

#: How long a write waits for another process's lock before it gives up (ms). Longer than the 5 s for which a
#: backup tool may lock the file, shorter than a person's patience.
BUSY_TIMEOUT_MS = 8_000


class SqliteLanes:
    """The two lanes of a file, `sqlite:///path`."""

    def __init__(self, url: str) -> None:
        self._reads: Lane = Lane(_engine(url), name="db-read", begin=_begin, translated=_translated)
        self._writes: Lane = Lane(
            _engine(url), name="db-write", begin=_begin_immediate, translated=_translated
        )

    def reading(self) -> Lane:
        """Where what only reads goes."""
        return self._reads

    def writing(self, of: str) -> Lane:
        """Where writes go: all in one line, whosever they are."""
        del of
        return self._writes

    def appending(self) -> Lane:
        """Where the log goes: into the same line."""
        return self._writes

    def changing_schema(self) -> Lane:
        """Where migrations go: the same."""
        return self._writes

    def close(self) -> None:
        """Waits for the works that were handed in."""
        self._reads.close()
        self._writes.close()


def _begin(connection: Connection, _owners: Collection[str]) -> None:
    _execute(connection, "BEGIN")


def _begin_immediate(connection: Connection, _owners: Collection[str]) -> None:
    _execute(connection, "BEGIN IMMEDIATE")


def _execute(connection: Connection, begin: str) -> None:
    """Past SQLAlchemy: every transaction begins so, and there it would cost as much as a question."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        driver.execute(begin)
    except sqlite3.Error as error:
        # The kind that SQLAlchemy would have made of it.
        raise DBAPIError.instance(begin, None, error, sqlite3.Error) from error


def _translated(error: BaseException) -> BaseException:
    """The database's errors as those that a person can be shown."""
    # A damaged file is a bare DatabaseError; the kinds below it but one are faults of our statements.
    if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
        return error
    text = str(error.orig)
    is_full = "full" in text or "disk I/O" in text or "No space" in text
    translated = StorageFull() if is_full else Unavailable()
    translated.__cause__ = error
    return translated


def _engine(url: str) -> Engine:
    # A connection may be closed by another thread than the one that used it, never used by two at once.
    arguments = {"check_same_thread": False}
    # What people write is among the parameters, and an error's text goes to the log.
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: Any) -> None:
        # The driver's own BEGIN comes too late for IMMEDIATE; ours is emitted above.
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
