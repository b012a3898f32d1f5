"""Who makes the replies, for whoever wants to know whether anybody does."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final, Protocol

from chatapp.domain.errors import ChatError
from chatapp.domain.leases import WorkerLease
from chatapp.engine.lock import EngineLock
from chatapp.storage.database import Database
from chatapp.storage.leases import LeaseRepository

log = logging.getLogger(__name__)

#: A worker that cannot be heard from its start on is known so soon.
ROLL_CALL: Final = timedelta(seconds=2)
THIS_PROCESS: Final = "this process"
ANOTHER_PROCESS: Final = "another process"


class Roster(Protocol):
    """The workers, wherever they are."""

    async def workers(self) -> tuple[str, ...]:
        """Each that is alive, in a few words. Raises `Unavailable`."""
        ...


class LockRoster:
    """Whoever holds the lock file."""

    def __init__(self, lock: EngineLock) -> None:
        self._lock: EngineLock = lock

    async def workers(self) -> tuple[str, ...]:
        """One, or none."""
        if self._lock.held:
            return (THIS_PROCESS,)
        return (ANOTHER_PROCESS,) if self._lock.held_elsewhere else ()


class LeaseRoster:
    """Whoever has renewed a lease in the last `ttl`."""

    def __init__(self, database: Database, *, ttl: timedelta) -> None:
        self._database: Database = database
        self._ttl_ms: float = ttl.total_seconds() * 1000

    async def workers(self) -> tuple[str, ...]:
        """With how much they do."""
        return tuple(f"{one.name} ({one.active} of {one.slots})" for one in await self._alive())

    async def call(self, tell: Callable[[Iterable[str]], None]) -> None:
        """Tells every `ROLL_CALL` which processes they are, until it is cancelled. While the database does
        not say so, what was told last holds."""
        while True:
            try:
                tell(one.process for one in await self._alive())
            except ChatError as error:
                log.error("cannot look for workers: %s", error.code)
            await asyncio.sleep(ROLL_CALL.total_seconds())

    async def _alive(self) -> Sequence[WorkerLease]:
        leases = await self._database.read(lambda transaction: LeaseRepository(transaction).all())
        return [one for one in leases if one.silent_ms < self._ttl_ms]
