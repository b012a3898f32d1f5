"""What was not heard is read: for all conversations that are looked at in this process, in one transaction.

While Redis is away every listener is told `Missed` each second. To read whole conversations for all screens
as often would take more than the process has; how they stand is one statement, and what is new of a reply
that is being made is a few records.
"""

import asyncio
import contextvars
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from sys import maxsize
from typing import Final

from chatapp.domain.errors import ChatError
from chatapp.domain.events import Logged
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository
from chatapp.storage.standings import Standing, StandingRepository
from chatapp.streams.base import Listener, Missed, Notice, Progress, TreeChanged

logger = logging.getLogger(__name__)

#: A database that could not be asked is asked again after this.
AGAIN: Final = timedelta(seconds=1)


class Watched:
    """A conversation that somebody listens to. Its listener is never told `Missed`, but what it missed."""

    def __init__(self, key: int, listener: Listener, catching_up: "CatchingUp") -> None:
        self.key: int = key
        self._listener: Listener = listener
        self._catching_up: CatchingUp = catching_up
        self._seqs: dict[str, int] = {}
        self._sign: tuple[object, ...] | None = None
        self.is_closed: bool = False

    def hear(self, notice: Notice) -> None:
        """Passes on what happens, or has it looked up."""
        if self.is_closed:
            return
        if isinstance(notice, Missed):
            self._catching_up.look(self)
            return
        if isinstance(notice, Progress):
            self._seqs[notice.run_id] = notice.records[-1].seq
        self._listener(notice)

    def after(self, run_id: str) -> int:
        """The last record of a run that was heard."""
        return self._seqs.get(run_id, 0)

    def stands(self, standing: Standing | None, logs: Mapping[str, Sequence[Logged]]) -> None:
        """Tells what is new since it was last heard or looked up."""
        if standing is not None:
            for run_id, message_id in standing.streaming.items():
                if records := tuple(one for one in logs[run_id] if one.seq > self.after(run_id)):
                    self.hear(Progress(run_id=run_id, message_id=message_id, records=records))
        sign = standing.sign if standing is not None else ()
        if sign != self._sign:
            self._sign = sign
            self.hear(TreeChanged())


class CatchingUp:
    """Looks after those who missed something, all at once."""

    def __init__(self, database: Database) -> None:
        self._database: Database = database
        self._behind: set[Watched] = set()
        self._looking: asyncio.Task[None] | None = None

    def look(self, watched: Watched) -> None:
        """Has this conversation looked up, soon."""
        self._behind.add(watched)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), context=contextvars.Context())

    async def _look(self) -> None:
        while behind := {watched for watched in self._behind if not watched.is_closed}:
            self._behind = set()

            def work(
                transaction: Transaction, behind: set[Watched] = behind
            ) -> tuple[dict[int, Standing], dict[str, list[Logged]]]:
                return _read(transaction, behind)

            try:
                standings, logs = await self._database.read(work)
            except ChatError as error:
                logger.warning("conversations could not be looked up: %s", error.code)
                self._behind |= behind
                await asyncio.sleep(AGAIN.total_seconds())
                continue
            for watched in behind:
                watched.stands(standings.get(watched.key), logs)


def _read(
    transaction: Transaction, behind: set[Watched]
) -> tuple[dict[int, Standing], dict[str, list[Logged]]]:
    standings = StandingRepository(transaction).of(watched.key for watched in behind)
    after: dict[str, int] = {}
    for watched in behind:
        standing = standings.get(watched.key)
        for run_id in standing.streaming if standing else ():
            after[run_id] = min(watched.after(run_id), after.get(run_id, maxsize))
    runs = RunRepository(transaction)
    return standings, {run_id: runs.log(run_id, after=seq) for run_id, seq in after.items()}
