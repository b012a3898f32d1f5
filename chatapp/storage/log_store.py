"""The event log as tables: what `streams.base.LogStore` asks for."""

from collections.abc import Sequence

from chatapp.domain.log import Append, Ending
from chatapp.storage.database import Database
from chatapp.storage.runs import RunRepository


class DatabaseLogStore:
    """Logs in the database. Every write is refused when another attempt has the run (fencing)."""

    def __init__(self, database: Database) -> None:
        self._database: Database = database

    async def append(self, batch: Sequence[Append]) -> frozenset[str]:
        """Appends for all runs in one transaction; returns the runs that another attempt has."""
        async with self._database.write() as transaction:
            runs = RunRepository(transaction)
            attempts = await runs.attempts()
            held = [append for append in batch if attempts.get(append.run_id) == append.attempt]
            if held:
                await runs.append([(append.run_id, record) for append in held for record in append.records])
        return frozenset(append.run_id for append in batch) - {append.run_id for append in held}

    async def finish(self, ending: Ending) -> bool:
        """Ends a run and compacts its log; False when another attempt has it."""
        async with self._database.write() as transaction:
            return await RunRepository(transaction).finish(ending)
