"""The real log store, with a count of its transactions and faults that a test turns on and off."""

from collections.abc import Sequence

from chatapp.domain.errors import StorageFull
from chatapp.domain.log import Append, Ending
from chatapp.storage.database import Database
from chatapp.storage.log_store import DatabaseLogStore


class FaultyStore:
    """A `LogStore` that writes to the database unless it is `full`."""

    def __init__(self, database: Database) -> None:
        self._store = DatabaseLogStore(database)
        self.full = False
        self.refusals = 0
        self.appends: list[Sequence[Append]] = []

    async def append(self, batch: Sequence[Append]) -> frozenset[str]:
        self._check()
        refused = await self._store.append(batch)
        self.appends.append(batch)
        return refused

    async def finish(self, ending: Ending) -> bool:
        self._check()
        return await self._store.finish(ending)

    def _check(self) -> None:
        if self.full:
            self.refusals += 1
            raise StorageFull
