"""A run's log as this process reads it: once, for all who read it here."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ChatError
from chatapp.domain.events import Attempt, Done, Logged
from chatapp.domain.messages import Status
from chatapp.domain.runs import Run
from chatapp.streams.base import Broadcast, Missed, Notice, Progress, Queued, TreeChanged, conversation_topic

logger = logging.getLogger(__name__)

#: A reader that comes late gets the log in pieces of so many records: each is encoded and sent as one.
MAX_BATCH: Final = 200
#: A database that could not be asked is asked again after this.
AGAIN: Final = timedelta(seconds=1)
#: A run that still waits after this waits for others; the database is asked for its place, once. From then on
#: the worker tells it.
SETTLED: Final = timedelta(milliseconds=300)

#: The records after a seq; None when there is no such run any more for whom it was made.
Load = Callable[[int], Awaitable[Sequence[Logged] | None]]
#: The place in the queue; None when the run does not wait.
FindPlace = Callable[[], Awaitable[int | None]]


class Feed:
    """The log so far, and how to hear of more.

    Readers hold a cursor and no queue: a slow one costs nothing here, and holds up nobody. What is heard
    while the log is read is folded in afterwards, so that there is no gap and nothing twice.
    """

    def __init__(self, *, run: Run, load: Load, broadcast: Broadcast, find_place: FindPlace) -> None:
        self._run: Run = run
        self._load: Load = load
        #: The place in the queue while it waits.
        self.place: int | None = None
        self.is_gone: bool = False
        self.readers: set[asyncio.Event] = set()
        # All of it, so that the record with seq n is at n - 1. While a run is made here these are the very
        # records that its writer keeps.
        self._records: list[Logged] = []
        self._early: list[Logged] = []
        self._is_loaded: bool = False
        self._is_stale: bool = True
        self._loading: asyncio.Lock = asyncio.Lock()
        topic = conversation_topic(run.conversation_key)
        self._stop_listening: Callable[[], None] = broadcast.listen(topic, self._hear)
        self._finding: asyncio.Task[None] | None = None
        if run.status is Status.QUEUED:
            # An empty context: it outlives the request that happened to be the first to read.
            finding = self._find(find_place)
            self._finding = asyncio.create_task(finding, context=contextvars.Context())

    def close(self) -> None:
        """Ends the listening; called when nobody reads any more."""
        self._stop_listening()
        if self._finding is not None:
            self._finding.cancel()

    async def _find(self, find_place: FindPlace) -> None:
        await asyncio.sleep(SETTLED.total_seconds())
        if self._records or self.place is not None:
            return
        try:
            place = await find_place()
        except ChatError as error:
            logger.warning("the place of run %s could not be read: %s", self._run.id, error.code)
            return
        if not self._records and self.place is None:
            self.place = place
            self.wake()

    def _hear(self, notice: Notice) -> None:
        """Takes in what happens in the conversation; called on the event loop."""
        match notice:
            case Progress() if notice.run_id == self._run.id:
                self.place = None
                if self._loading.locked():
                    self._early.extend(notice.records)
                elif not self._take(notice.records):
                    self._is_stale = True
            # A worker that has not looked yet may believe that a run waits which another makes.
            case Queued() if notice.message_id == self._run.message_id and not self._records:
                self.place = notice.position
            case TreeChanged() | Missed() if not self.has_ended:
                # It may have been deleted, or taken back before it began: no record says so.
                self._is_stale = True
            case _:
                return
        self.wake()

    @property
    def message_id(self) -> str:
        """The reply that the run makes."""
        return self._run.message_id

    def wake(self) -> None:
        """Has every reader look again."""
        for reader in self.readers:
            reader.set()

    @property
    def has_ended(self) -> bool:
        """Whether the last record is here."""
        return bool(self._records) and isinstance(self._records[-1].event, Done)

    def after(self, cursor: int) -> tuple[Logged, ...]:
        """The next records after this seq, not too many at once."""
        return tuple(self._records[cursor : cursor + MAX_BATCH])

    async def refresh(self) -> None:
        """Reads the log where something may be missing. Raises `Unavailable` when it never could be read."""
        if not self._is_stale:
            return
        async with self._loading:
            if not self._is_stale:
                return
            self._is_stale = False
            try:
                missing = await self._load(len(self._records))
            except ChatError as error:
                self._is_stale = not self._is_loaded
                if not self._is_loaded:
                    raise
                logger.warning("the log of run %s could not be read: %s", self._run.id, error.code)
                asyncio.get_running_loop().call_later(AGAIN.total_seconds(), self._look_again)
                return
            self._is_loaded = True
            self.is_gone = missing is None
            early, self._early = self._early, []
            if not self._take([*(missing or ()), *early]) and not self.is_gone:
                self._is_stale = True
        self.wake()

    def _look_again(self) -> None:
        self._is_stale = True
        self.wake()

    def _take(self, records: Sequence[Logged]) -> bool:
        """Adds what is new; False when something is missing in between."""
        for record in records:
            if record.seq > len(self._records) + 1:
                return False
            if record.seq == len(self._records) + 1:
                self._records.append(self._with_all_usage(record))
        return True

    def _with_all_usage(self, record: Logged) -> Logged:
        """The last record with what all attempts used, as the message has it: whoever comes back late in the
        reply has not seen the others."""
        if not isinstance(done := record.event, Done):
            return record
        before = (one.event.usage for one in self._records if isinstance(one.event, Attempt))
        return replace(record, event=replace(done, usage=sum(before, start=done.usage)))
