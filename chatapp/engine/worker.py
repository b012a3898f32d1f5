"""The worker: claims queued runs, makes their replies, takes over what a dead process left."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic

from chatapp.domain.errors import ChatError
from chatapp.domain.leases import WorkerLease
from chatapp.domain.messages import Status
from chatapp.domain.runs import Run
from chatapp.engine.leases import Leases
from chatapp.engine.maker import ReplyMaker
from chatapp.storage.database import Database, Transaction
from chatapp.storage.leases import LeaseRepository
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import (
    WORKERS,
    Broadcast,
    Job,
    Notice,
    Queued,
    Reordered,
    StopWished,
    Submitted,
    Withdrawn,
    conversation_topic,
)
from chatapp.streams.fair_queue import FairQueue
from chatapp.streams.group_log import FencedError

log = logging.getLogger(__name__)

#: How often the database is asked for runs that nobody told us of (a process died between commit and queue)
#: and for stops that another process noted. Below the second within which a stop must reach the model.
SCAN_INTERVAL = timedelta(milliseconds=500)
#: How long a shutdown waits for a database that is full or locked. What is not written then was not shown to
#: anybody either; supervisors kill what has not ended after 10 s.
HAND_OVER_PATIENCE = timedelta(seconds=2)


class Worker:
    """Makes replies while it has a lease.

    Args:
        database: where runs are.
        queue: its view of what waits; whose turn it is.
        maker: claims runs and makes their replies.
        broadcast: what tells it of new runs and of stops.
        leases: who else makes replies.
        slots: how many it makes at once.
    """

    def __init__(
        self,
        *,
        database: Database,
        queue: FairQueue,
        maker: ReplyMaker,
        broadcast: Broadcast,
        leases: Leases,
        slots: int,
    ) -> None:
        self._database: Database = database
        self._queue: FairQueue = queue
        self._maker: ReplyMaker = maker
        self._broadcast: Broadcast = broadcast
        self._leases: Leases = leases
        self._slots: int = slots
        self._tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._scanned_at: float = 0.0
        #: Who waited when places were last told.
        self._told: frozenset[str] = frozenset()

    @property
    def seconds_since_scan(self) -> float | None:
        """How long ago it last looked for runs; None while it is not this process that makes the replies."""
        return monotonic() - self._scanned_at if self._leases.held else None

    async def run(self) -> None:
        """Works until it is cancelled; then what it was making is left for others, at once."""
        while True:
            await self._leases.acquire()
            await self._work()

    async def _work(self) -> None:
        """As long as it has the lease."""
        self._scanned_at = monotonic()
        deafen = self._broadcast.listen(WORKERS, self._hear)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._scan()), group.create_task(self._serve())]
                await self._leases.keep()
                for task in tasks:
                    task.cancel()
        finally:
            deafen()
            await self._hand_over()

    def _hear(self, notice: Notice) -> None:
        """What the services tell all workers (see `Dispatch`); called on the event loop."""
        match notice:
            case Submitted(job=job):
                self._put(job)
                self._tell_places()
            case StopWished(job=job):
                self._stop(job)
            case Withdrawn(run_id=run_id):
                if self._queue.remove(run_id):
                    self._tell_places()
            case Reordered(owner_id=owner_id, run_ids=run_ids):
                self._queue.reorder(owner_id, run_ids)
                self._tell_places()
            case _:
                pass

    def _put(self, job: Job) -> None:
        if job.run_id not in self._tasks:
            self._queue.put(job)

    def _stop(self, job: Job) -> None:
        if job.run_id in self._tasks:
            task, stopped = self._tasks[job.run_id]
            if not stopped.is_set():
                stopped.set()
                task.cancel()
        elif self._queue.remove(job.run_id):
            # It will only write its end, and that needs no slot; nor a second stop.
            self._start(job, slot=False, is_stopped=True)

    async def _serve(self) -> None:
        while True:
            job = await self._queue.take()
            self._start(job, slot=True)
            self._tell_places()

    def _start(self, job: Job, *, slot: bool, is_stopped: bool = False) -> None:
        stopped = asyncio.Event()
        if is_stopped:
            stopped.set()
        task = asyncio.create_task(self._make(job, stopped), name=f"run {job.run_id}")
        self._tasks[job.run_id] = (task, stopped)

        # Not at the end of what the task does: one that is cancelled before its first step never gets there.
        def ended(_task: asyncio.Task[None]) -> None:
            del self._tasks[job.run_id]
            if slot:
                self._queue.done(job)

        task.add_done_callback(ended)

    async def _make(self, job: Job, stopped: asyncio.Event) -> None:
        try:
            await self._maker.make(job.run_id, stopped, owner_id=job.owner_id, worker=self._leases.name)
        except FencedError:
            log.warning("run %s was taken over by another process", job.run_id)
        except ChatError as error:
            # The database could not be asked; the scan finds the run again.
            log.error("run %s could not be claimed: %s", job.run_id, error.code)

    async def _scan(self) -> None:
        while True:
            # Before the database is asked: what comes while it answers is newer than the answer.
            waiting = self._queue.waiting_ids()
            if waiting != self._told:
                self._tell_places()
            try:
                runs, leases = await self._database.read(_looked)
                others = await self._leases.saw(leases)
            except ChatError as error:
                log.error("cannot look for runs: %s", error.code)
            else:
                self._scanned_at = monotonic()
                self._queue.resize(0 if self._leases.rests else self._slots)
                self._found(runs, others, waiting)
            await asyncio.sleep(SCAN_INTERVAL.total_seconds())

    def _found(self, runs: Sequence[Run], others: frozenset[str], waiting: frozenset[str]) -> None:
        """Brings the queue up to what the database says. `others` are workers that live."""
        elsewhere = {run.id: run for run in runs if run.status is Status.STREAMING and run.worker in others}
        self._queue.made_elsewhere(map(Job.of, elsewhere.values()))
        ours = [run for run in runs if run.id not in elsewhere]
        gone = waiting - {run.id for run in ours}
        for run_id in gone:
            self._queue.remove(run_id)
        for run in ours:
            job = Job.of(run)
            self._put(job)
            if run.cancel_requested:
                self._stop(job)

    def _tell_places(self) -> None:
        self._told = self._queue.waiting_ids()
        if not self._leases.speaks:
            return
        for job, position in self._queue.positions():
            notice = Queued(message_id=job.message_id, position=position)
            self._broadcast.publish(conversation_topic(job.conversation_key), notice)

    async def _hand_over(self) -> None:
        left = {task for task, _ in self._tasks.values()}
        # First to write down what they have; then, if the database does not let them, to give up.
        for patience in (HAND_OVER_PATIENCE.total_seconds(), None):
            for task in left:
                task.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=patience)
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_PATIENCE.total_seconds()):
                for run in await self._leases.release():
                    self._broadcast.publish(WORKERS, Submitted(job=Job.of(run)))


def _looked(transaction: Transaction) -> tuple[Sequence[Run], Sequence[WorkerLease]]:
    return RunRepository(transaction).unfinished(), LeaseRepository(transaction).all()
