"""The database: one writer and many readers on SQLite, a pool each on anything else."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from chatapp.domain.errors import StorageFull, Unavailable

#: What repositories work in. Services pass it on and look no further.
Transaction = AsyncSession

#: How long a write waits for another process's lock before it gives up (ms). Longer than the 5 s for which a
#: backup tool may lock the file, shorter than a person's patience.
BUSY_TIMEOUT_MS = 8_000
#: Readers never block each other in WAL mode; each costs a thread and a page cache.
SQLITE_READERS = 4


class Database:
    """Sessions for reading and for writing.

    On SQLite all writes go through one connection, in the order they came: waiting in a queue costs nothing,
    waiting for a lock costs retries and ends in "database is locked".
    """

    def __init__(self, url: str) -> None:
        self.url: str = url
        if url.startswith("sqlite"):
            self._reader: AsyncEngine = _sqlite(url, size=SQLITE_READERS, begin="BEGIN")
            self._writer: AsyncEngine = _sqlite(url, size=1, begin="BEGIN IMMEDIATE")
        else:
            self._reader = self._writer = create_async_engine(url, pool_pre_ping=True)
        self._read: async_sessionmaker[AsyncSession] = async_sessionmaker(
            self._reader, expire_on_commit=False
        )
        self._write: async_sessionmaker[AsyncSession] = async_sessionmaker(
            self._writer, expire_on_commit=False, autoflush=False
        )

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """A read transaction: one consistent picture. Raises `Unavailable`."""
        with _translated():
            async with self._read() as transaction:
                yield transaction

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncSession]:
        """A write transaction, committed at the end. Raises `StorageFull`, `Unavailable`."""
        with _translated():
            async with self._write.begin() as transaction:
                yield transaction

    async def close(self) -> None:
        """Closes all connections."""
        await self._reader.dispose()
        await self._writer.dispose()


class _translated:  # noqa: N801  (reads as a phrase where it is used)
    """Turns the database's errors into those a person can be shown."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OperationalError) or (
            isinstance(error, DatabaseError) and "disk" in str(error.orig)
        ):
            text = str(error.orig)
            if "full" in text or "disk I/O" in text or "No space" in text:
                raise StorageFull from error
            raise Unavailable from error


def _sqlite(url: str, *, size: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=size, max_overflow=0, pool_timeout=60)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: DBAPIConnection, _record: Any) -> None:
        # The driver's own BEGIN comes too late for IMMEDIATE; ours is emitted below.
        connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue]
        cursor = connection.cursor()
        for pragma in (
            # First, for the change to WAL needs the lock as well.
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            # What a reader was shown survives even a power cut: one disk flush in every ticker step, in the
            # writer's thread (0.4 ms here), is a price that nobody sees.
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def open_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
