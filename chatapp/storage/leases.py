"""Workers that have leases, and what the database's clock says of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, delete, insert, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from chatapp.domain.leases import WorkerLease
from chatapp.domain.runs import Run
from chatapp.storage.codec import run_of
from chatapp.storage.runs import UNFINISHED
from chatapp.storage.tables import RUNS, WORKERS


class _Now(FunctionElement[int]):
    """The database's clock in milliseconds since 1970."""

    type = BigInteger()
    inherit_cache = True


@compiles(_Now, "sqlite")
def _sqlite(*_: Any, **__: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(_Now, "postgresql")
def _postgresql(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


_workers, _now = WORKERS.c, _Now()
_name: BindParameter[str] = bindparam("of_name")
_beats: BindParameter[int] = bindparam("had_beats")
_ADD = insert(WORKERS).values(beats=0, active=0, started_at_ms=_now, seen_at_ms=_now)
_RENEW = (
    update(WORKERS)
    .where(_workers.name == _name)
    .values(beats=_workers.beats + 1, seen_at_ms=_now)
    .returning(_workers.name)
)
_ALL = select(WORKERS, (_now - _workers.seen_at_ms).label("silent_ms")).order_by(_workers.name)
_BURY = delete(WORKERS).where(_workers.name == _name, _workers.beats == _beats)
_FORGET = delete(WORKERS).where(_workers.name == _name)
_CLEAR = delete(WORKERS)
_GIVE_BACK = update(RUNS).where(RUNS.c.worker == _name, UNFINISHED).values(worker="").returning(*RUNS.c)


class LeaseRepository:
    """Leases within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def add(self, name: str, *, slots: int, dedicated: bool) -> None:
        """A worker that begins. Its name must be new."""
        self._transaction.execute(_ADD, {"name": name, "slots": slots, "dedicated": dedicated})

    def renew(self, name: str, *, active: int) -> bool:
        """It lives, and makes so many replies; False when it was taken for dead meanwhile."""
        return self._transaction.execute(_RENEW, {"of_name": name, "active": active}).first() is not None

    def all(self) -> list[WorkerLease]:
        """All that have a lease, by name."""
        return [
            WorkerLease(
                name=row.name,
                beats=row.beats,
                slots=row.slots,
                active=row.active,
                dedicated=row.dedicated,
                silent_ms=max(0, row.silent_ms),
            )
            for row in self._transaction.execute(_ALL)
        ]

    def bury(self, dead: Iterable[WorkerLease]) -> None:
        """Ends the leases of those that have not renewed since they were looked at."""
        for one in dead:
            self._transaction.execute(_BURY, {"of_name": one.name, "had_beats": one.beats})

    def leave(self, name: str) -> Sequence[Run]:
        """Ends a lease; returns the runs that were made under it, which are free now."""
        self._transaction.execute(_FORGET, {"of_name": name})
        return [run_of(row) for row in self._transaction.execute(_GIVE_BACK, {"of_name": name})]

    def clear(self) -> None:
        """Ends all leases: one process alone makes replies."""
        self._transaction.execute(_CLEAR)
