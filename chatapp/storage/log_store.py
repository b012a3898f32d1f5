"""The event log as tables: what `streams.base.LogStore` asks for."""

from collections.abc import Sequence

from chatapp.domain.log import Append, Ending
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository


class DatabaseLogStore:
    """Logs in the database. Every write is refused when another attempt has the run (fencing)."""

    def __init__(self, database: Database) -> None:
        self._database: Database = database

    async def append(self, batch: Sequence[Append]) -> frozenset[str]:
        """Appends for all runs in one transaction; returns the runs that another attempt has."""

        def work(transaction: Transaction) -> frozenset[str]:
            runs = RunRepository(transaction)
            attempts = runs.attempts([append.run_id for append in batch])
            held = [append for append in batch if attempts.get(append.run_id) == append.attempt]
            # Without rows the statement would insert one of defaults.
            if rows := [(append.run_id, record) for append in held for record in append.records]:
                runs.append(rows)
            return frozenset(append.run_id for append in batch) - {append.run_id for append in held}

        return await self._database.append(work)

    async def finish(self, ending: Ending) -> bool:
        """Ends a run and compacts its log; False when another attempt has it."""
        return await self._database.write(
            lambda transaction: RunRepository(transaction).finish(ending), of=ending.run.owner_id
        )
