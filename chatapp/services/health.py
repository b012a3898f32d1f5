"""Whether everything works that a reply needs, found out by trying."""

import asyncio
import contextvars
import logging
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ChatError, StorageFull
from chatapp.domain.health import Report
from chatapp.engine.roster import Roster
from chatapp.engine.worker import Worker
from chatapp.providers.catalog import Catalog
from chatapp.storage.database import Database
from chatapp.storage.probing import touch

log = logging.getLogger(__name__)

#: Probes that come faster share an answer: what they cost is bounded, whoever asks.
FRESH_FOR: Final = timedelta(seconds=1)
#: A write takes milliseconds. One that waits so long waits for somebody who does not let go.
PATIENCE: Final = timedelta(seconds=2.5)
#: The worker looks for runs twice a second. One that did not for so long is stuck.
LONGEST_SCAN: Final = timedelta(seconds=10)


class Health:
    """Asks the parts, at most once at a time. No vendor is asked: what is known of them counts."""

    def __init__(
        self, *, database: Database, roster: Roster, worker: Worker | None, catalog: Catalog
    ) -> None:
        self._database: Database = database
        self._roster: Roster = roster
        self._worker: Worker | None = worker
        self._catalog: Catalog = catalog
        self._writing: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[Report] | None = None
        self._asked_at: float = 0.0

    async def report(self) -> Report:
        """How everything is, at most a second ago. Takes 3 s at most, and raises nothing."""
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now - self._asked_at > FRESH_FOR.total_seconds()):
            # In a context of its own: it is not about the request that happens to be the first to ask.
            self._asking = asyncio.create_task(self._ask(), context=contextvars.Context())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Report:
        self._catalog.refresh()
        works, workers = await asyncio.gather(self._database_works(), self._workers())
        checks = {
            "database": works,
            "queue": self._queue_moves(),
            "worker": workers is None or bool(workers) or "no process makes the replies",
            "providers": self._catalog.trouble() or True,
        }
        self._asked_at = asyncio.get_running_loop().time()
        return Report(checks=checks, details={"worker": ", ".join(workers or ())})

    async def _workers(self) -> tuple[str, ...] | None:
        """Who makes the replies; None when the database does not say so."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                return await self._roster.workers()
        except (ChatError, TimeoutError):
            return None

    async def _database_works(self) -> bool | str:
        # A write that still waits is asked again, not followed by more that wait behind it.
        if self._writing is None:
            self._writing = asyncio.create_task(self._database.write(touch, of="health"))
            # Nobody may come back for it.
            self._writing.add_done_callback(lambda writing: writing.cancelled() or writing.exception())
        done, _ = await asyncio.wait({self._writing}, timeout=PATIENCE.total_seconds())
        if not done:
            return "a write waits for too long"
        writing, self._writing = self._writing, None
        try:
            writing.result()
        except StorageFull:
            return "the disk is full"
        except ChatError:
            return "it cannot be written"
        except Exception:
            log.exception("the database could not be checked")
            return "it cannot be written"
        return True

    def _queue_moves(self) -> bool | str:
        since = self._worker.seconds_since_scan if self._worker else None
        if since is not None and since > LONGEST_SCAN.total_seconds():
            return f"nobody has looked for waiting runs for {since:.0f} s"
        return True
