"""Who may make replies: one process with the lock file, or many that renew leases in the database."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import monotonic
from typing import Final, Protocol

from chatapp.domain.errors import ChatError
from chatapp.domain.leases import WorkerLease, lease_name
from chatapp.domain.runs import Run
from chatapp.storage.database import Database
from chatapp.storage.leases import LeaseRepository

log = logging.getLogger(__name__)

#: Renewals in one LEASE_TTL: three may fail or be late before anybody wonders.
RENEWALS: Final = 4
#: Whoever has not renewed for so much of LEASE_TTL judges nobody: what is silent may be the database.
FRESH: Final = 0.6


class Leases(Protocol):
    """The leases as one worker uses them. A run may be claimed unless its worker has one."""

    @property
    def name(self) -> str:
        """What `Run.worker` says of runs that are claimed under this lease."""
        ...

    @property
    def held(self) -> bool:
        """True while this process may make replies."""
        ...

    @property
    def rests(self) -> bool:
        """True while new runs are left to others: this one only stands in for them."""
        ...

    @property
    def speaks(self) -> bool:
        """Whether this is the worker that tells people their places: one does, for all."""
        ...

    async def acquire(self) -> None:
        """Returns when this process may make replies."""
        ...

    async def keep(self) -> None:
        """Renews; returns when the lease was lost to somebody who took this process for dead."""
        ...

    async def saw(self, leases: Sequence[WorkerLease]) -> frozenset[str]:
        """Looks at all leases, as they are now, and ends those of the dead; the names of the living."""
        ...

    async def release(self) -> Sequence[Run]:
        """Gives it back; returns the runs that others are to go on with, and would not find at once."""
        ...


class DatabaseLeases:
    """A row that is renewed.

    Whether another lives is judged by no clock but this process's own and steady one: its row was renewed or
    not, while this one could renew its own all along. So neither a clock that jumps nor a database that was
    away ends the lease of anybody who lives.

    Args:
        database: where the leases are.
        name: of this process, and of no other.
        ttl: after so long without a renewal a worker is dead.
        slots: how many replies it makes at once.
        active: how many it makes now.
        dedicated: False for one that is part of a web process.
        stands_in: take new runs only while no dedicated worker lives.
    """

    def __init__(
        self,
        *,
        database: Database,
        name: str,
        ttl: timedelta,
        slots: int,
        active: Callable[[], int],
        dedicated: bool,
        stands_in: bool = False,
    ) -> None:
        self._database: Database = database
        self._process: str = name
        self._leases_had: int = 0
        self._ttl: float = ttl.total_seconds()
        self._slots: int = slots
        self._active: Callable[[], int] = active
        self._dedicated: bool = dedicated
        self._stands_in: bool = stands_in
        self._name: str = ""
        self._renewed_at: float = 0.0
        #: How often each had renewed when it was last seen to, and when that was.
        self._beats: dict[str, tuple[int, float]] = {}
        self._others: Sequence[WorkerLease] | None = None

    @property
    def name(self) -> str:
        """Of this lease; the next one has another."""
        return self._name

    @property
    def held(self) -> bool:
        """True between `acquire` and `release`."""
        return bool(self._name)

    @property
    def rests(self) -> bool:
        """Until it has looked around it does not know."""
        return self._stands_in and (self._others is None or any(one.dedicated for one in self._others))

    @property
    def speaks(self) -> bool:
        """The first by name."""
        return all(self._name < one.name for one in self._others or ())

    async def acquire(self) -> None:
        """Makes a row, as soon as the database takes it."""
        self._leases_had += 1
        name = lease_name(self._process, self._leases_had)
        while True:
            try:
                await self._database.append(
                    lambda work: LeaseRepository(work).add(name, slots=self._slots, dedicated=self._dedicated)
                )
                break
            except ChatError as error:
                log.error("worker %s cannot register: %s", name, error.code)
                await asyncio.sleep(self._ttl / RENEWALS)
        self._name, self._renewed_at, self._others = name, monotonic(), None
        self._beats.clear()
        log.info("worker %s makes replies", name)

    async def keep(self) -> None:
        """A database that is away ends nothing: it is asked again."""
        while True:
            await asyncio.sleep(self._ttl / RENEWALS)
            active = self._active()
            try:
                renewed = await self._database.append(
                    lambda work, active=active: LeaseRepository(work).renew(self._name, active=active)
                )
            except ChatError as error:
                log.error("worker %s cannot renew its lease: %s", self._name, error.code)
                continue
            if not renewed:
                log.warning("worker %s was taken for dead: it begins anew", self._name)
                return
            self._forget_if_late()
            self._renewed_at = monotonic()

    async def saw(self, leases: Sequence[WorkerLease]) -> frozenset[str]:
        """Called with what was just read."""
        now = monotonic()
        self._forget_if_late()
        known, self._beats = self._beats, {}
        for one in leases:
            before = known.get(one.name)
            self._beats[one.name] = before if before and before[0] == one.beats else (one.beats, now)
        others = [one for one in leases if one.name != self._name]
        dead = [one for one in others if now - self._beats[one.name][1] > self._ttl]
        if dead:
            await self._bury(dead)
        self._others = [one for one in others if one not in dead]
        return frozenset(one.name for one in self._others)

    def _forget_if_late(self) -> None:
        """Who could not renew for long could not see others renew either, and what held this one up may hold
        them a moment longer: they have a whole `ttl` again."""
        if monotonic() - self._renewed_at > FRESH * self._ttl:
            self._beats.clear()

    async def release(self) -> Sequence[Run]:
        """Ends the row; the others need not wait until it is old."""
        name, self._name = self._name, ""
        try:
            return await self._database.write(lambda work: LeaseRepository(work).leave(name))
        except ChatError as error:
            log.error("worker %s cannot give its lease back: %s", name, error.code)
            return ()

    async def _bury(self, dead: Sequence[WorkerLease]) -> None:
        log.warning("no sign of life from %s: others take over", ", ".join(one.name for one in dead))
        try:
            await self._database.append(lambda work: LeaseRepository(work).bury(dead))
        except ChatError as error:
            log.error("a dead worker's lease cannot be ended: %s", error.code)
