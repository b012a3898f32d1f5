"""The database: SQLite or PostgreSQL, by its URL; used from threads, never on the event loop.

A piece of work is a function of a transaction and runs as a whole in one thread. Statement by statement
over an async driver, each statement would wait for a turn of the event loop: with 250 users streaming, that
made a send of ten statements take two seconds, and every other write waited behind it.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol, TypeVar

from chatapp.storage.lane import Lane, Transaction
from chatapp.storage.postgres import PostgresLanes
from chatapp.storage.sqlite import SqliteLanes
from chatapp.telemetry.metrics import Metrics

__all__ = ["Database", "Transaction"]

T = TypeVar("T")


class Lanes(Protocol):
    """Which lane a work takes, see `lane`."""

    def reading(self) -> Lane: ...

    def writing(self, of: str) -> Lane: ...

    def appending(self) -> Lane: ...

    def changing_schema(self) -> Lane: ...

    def close(self) -> None: ...


class Database:
    """Runs work in read and in write transactions.

    A work must be a function of its transaction and of nothing that changes: it may be run again, when what
    it did was undone by a lost connection or a deadlock.

    Args:
        url: `sqlite:///path` or `postgresql://…`.
        metrics: where it is counted how long writes wait.
    """

    def __init__(self, url: str, metrics: Metrics | None = None) -> None:
        self._metrics: Metrics = metrics or Metrics()
        self._lanes: Lanes = PostgresLanes(url) if url.startswith("postgresql:") else SqliteLanes(url)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs the work on one consistent picture, in which all is that was written before it was asked for.

        Raises `Unavailable`, and what the work raises.
        """
        return await self._lanes.reading().run(work)

    async def write(self, work: Callable[[Transaction], T], *, of: str = "") -> T:
        """Runs the work and commits it, or leaves no trace of it when it raises.

        Meanwhile nothing else is written, by any process; with `of`, an owner's id, nothing else that is
        written with this owner's. Such a work must touch nothing of anybody else's. An owner's are done in
        the order in which they were asked for.

        A caller that is cancelled meanwhile does not stop it: what began is then committed all the same.

        Raises:
            StorageFull, Unavailable: nothing was written. But when PostgreSQL's connection is lost during
                the commit nobody can tell: whoever asks again must bear that it was written before.
        """
        return await self._counted(self._lanes.writing(of), work, of)

    async def append(self, work: Callable[[Transaction], T]) -> T:
        """A write that runs beside all others: it locks the rows that must stay as they are."""
        return await self._counted(self._lanes.appending(), work, "")

    async def change_schema(self, work: Callable[[Transaction], T]) -> T:
        """A write alone that waits for its turn, and takes, as long as it needs."""
        return await self._lanes.changing_schema().run(work)

    async def close(self) -> None:
        """Waits for the work that was handed in and closes all connections."""
        await asyncio.to_thread(self._lanes.close)

    async def _counted(self, lane: Lane, work: Callable[[Transaction], T], of: str) -> T:
        asked = monotonic()

        def counted(transaction: Transaction) -> T:
            self._metrics.write_waited(monotonic() - asked)
            return work(transaction)

        return await lane.run(counted, of=of)
