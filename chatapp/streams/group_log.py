"""The event log of one process: one group commit for all runs at each step of one ticker.

A step opens the gate (every run reads what its model has sent meanwhile), commits what they put in one
transaction, and only then publishes it. Between two steps nothing is read, so the cost of a token falls as
the load grows, and a store that cannot write stops the reading instead of filling the memory.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from chatapp.domain.errors import ChatError
from chatapp.domain.events import Chunk, Done, Logged, Reasoning, RunEvent
from chatapp.domain.fold import Snapshot
from chatapp.domain.log import Append, Ending
from chatapp.domain.messages import Message
from chatapp.domain.runs import Run
from chatapp.streams.base import (
    Broadcast,
    LogStore,
    Progress,
    TreeChanged,
    conversation_topic,
    owner_topic,
)
from chatapp.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

#: A step at most so often: nobody reads more than 20 updates a second.
SHORTEST_STEP = timedelta(milliseconds=50)
#: And at least so often, however busy the machine: beyond this a stream looks stuck.
LONGEST_STEP = timedelta(milliseconds=300)
#: More of the event loop's time than this, and steps become longer: the rest is for people who send and open.
BUSY_SHARE = 0.35
#: How long to wait before a store that refused is asked again.
RETRY = timedelta(milliseconds=500)


class FencedError(Exception):
    """Another attempt has the run: whatever this one still does, nobody will see."""


class RunWriter:
    """One attempt's pen. Events that are put are durable and published one step later."""

    def __init__(self, group: "GroupLog", run: Run, attempt: int, records: Iterable[Logged]) -> None:
        self.run: Run = run
        self.attempt: int = attempt
        self.records: list[Logged] = list(records)
        self.pending: list[RunEvent] = []
        #: Being written right now; never added to, for it has its seq already.
        self.in_flight: tuple[Logged, ...] = ()
        self.fenced: bool = False
        self._group: GroupLog = group

    def put(self, events: Iterable[RunEvent]) -> None:
        """Takes events; neighbouring texts of a kind become one event."""
        if self.fenced:
            raise FencedError
        for event in events:
            last = self.pending[-1] if self.pending else None
            if isinstance(event, Chunk) and isinstance(last, Chunk):
                self.pending[-1] = Chunk(content=last.content + event.content)
            elif isinstance(event, Reasoning) and isinstance(last, Reasoning):
                self.pending[-1] = Reasoning(content=last.content + event.content)
            else:
                self.pending.append(event)
        if self.pending:
            self._group.mark(self)

    async def pace(self) -> None:
        """Returns when it is time to read from the model again."""
        await self._group.gate()
        if self.fenced:
            raise FencedError

    async def flush(self) -> None:
        """Returns when all that was put is durable and published."""
        while (self.pending or self.in_flight) and not self.fenced:
            await self._group.step_done()
        if self.fenced:
            raise FencedError

    async def finish(self, blank: Message, done: Done) -> Message:
        """Ends the run for good and returns the final message. `blank` is the message before any event."""
        await self.flush()
        seq = self.records[-1].seq + 1 if self.records else 1
        last = Logged(seq=seq, at=_now(), event=done)
        records = [*self.records, last]
        snapshot = Snapshot(message=blank).after(records)
        await self._group.end(
            self,
            Ending(run=self.run, attempt=self.attempt, snapshot=snapshot, records=records, at=last.at),
        )
        return snapshot.message


class GroupLog:
    """All writers of this process and the ticker that serves them."""

    def __init__(
        self,
        store: LogStore,
        broadcast: Broadcast,
        *,
        shortest: timedelta = SHORTEST_STEP,
        longest: timedelta = LONGEST_STEP,
        metrics: Metrics | None = None,
    ) -> None:
        self._store: LogStore = store
        self._broadcast: Broadcast = broadcast
        self._shortest: float = shortest.total_seconds()
        self._longest: float = longest.total_seconds()
        self._metrics: Metrics = metrics or Metrics()
        self._dirty: dict[str, RunWriter] = {}
        self._wanted: asyncio.Event = asyncio.Event()
        self._gate: asyncio.Event = asyncio.Event()
        self._done: asyncio.Event = asyncio.Event()

    def writer(self, run: Run, *, attempt: int, records: Iterable[Logged] = ()) -> RunWriter:
        """The pen of an attempt that was just claimed; `records` is the log so far."""
        return RunWriter(self, run, attempt, records)

    def mark(self, writer: RunWriter) -> None:
        """Has the writer's events in the next step."""
        self._dirty[writer.run.id] = writer
        self._wanted.set()

    async def gate(self) -> None:
        """Waits for the next step to begin."""
        gate = self._gate
        self._wanted.set()
        await gate.wait()

    async def step_done(self) -> None:
        """Waits for the running or next step to end."""
        done = self._done
        self._wanted.set()
        await done.wait()

    async def run(self) -> None:
        """The ticker; runs until it is cancelled, which loses nothing once every writer has flushed."""
        loop = asyncio.get_running_loop()
        period = self._shortest
        began, cpu = loop.time(), time.thread_time()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._step()
            pause = max(0.0, began + period - loop.time())
            due = loop.time() + pause
            await asyncio.sleep(pause)
            now, cpu_now = loop.time(), time.thread_time()
            # Fewer and larger writes while the loop is busy or late; back to the shortest when it is not.
            busy = (cpu_now - cpu) / (now - began) > BUSY_SHARE or now - due > self._shortest / 2
            period = min(self._longest, period * 1.2) if busy else max(self._shortest, period * 0.9)
            began, cpu = now, cpu_now

    async def _step(self) -> None:
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()
        # Twice round the loop: once for the runs to wake up, once for what they have buffered to be put.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        while not await self._commit():  # noqa: ASYNC110  (nothing tells when the disk has room again)
            await asyncio.sleep(RETRY.total_seconds())
        done, self._done = self._done, asyncio.Event()
        done.set()

    async def _commit(self) -> bool:
        """Writes and publishes what is pending; False when the store could not, and nothing was lost."""
        writers, self._dirty = list(self._dirty.values()), {}
        batch = [_taken(writer) for writer in writers]
        if not batch:
            return True
        began = time.monotonic()
        try:
            refused = await self._store.append(batch)
        except ChatError as error:
            log.error("the log cannot be written: %s", error.code)
            self._dirty = {writer.run.id: writer for writer in writers} | self._dirty
            return False
        events = sum(len(append.records) for append in batch)
        self._metrics.log_flushed(seconds=time.monotonic() - began, events=events)
        for writer in writers:
            records, writer.in_flight = writer.in_flight, ()
            if writer.run.id in refused:
                writer.fenced = True
            else:
                writer.records.extend(records)
                self._publish(writer, records)
        return True

    async def end(self, writer: RunWriter, ending: Ending) -> None:
        """The last write of a run, tried until the store takes it or refuses it."""
        while True:
            try:
                finished = await self._store.finish(ending)
                break
            except ChatError as error:
                log.error("a run cannot be ended: %s", error.code)
                await asyncio.sleep(RETRY.total_seconds())
        if not finished:
            writer.fenced = True
            raise FencedError
        self._publish(writer, (ending.records[-1],))
        ended = TreeChanged(ended=writer.run.message_id)
        self._broadcast.publish(conversation_topic(writer.run.conversation_key), ended)
        self._broadcast.publish(owner_topic(writer.run.owner_id), TreeChanged())

    def _publish(self, writer: RunWriter, records: tuple[Logged, ...]) -> None:
        self._broadcast.publish(
            conversation_topic(writer.run.conversation_key),
            Progress(run_id=writer.run.id, message_id=writer.run.message_id, records=records),
        )


def _taken(writer: RunWriter) -> Append:
    """What is pending, in its place in the log; what could not be written before keeps its place."""
    behind = writer.in_flight or writer.records
    seq = behind[-1].seq if behind else 0
    at = _now()
    new = (Logged(seq=seq + place, at=at, event=event) for place, event in enumerate(writer.pending, 1))
    writer.in_flight, writer.pending = (*writer.in_flight, *new), []
    return Append(run_id=writer.run.id, attempt=writer.attempt, records=writer.in_flight)


def _now() -> datetime:
    """The time in whole milliseconds, as logs keep it: a record means the same live and years later."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
