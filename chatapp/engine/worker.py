"""The worker: claims queued runs, makes their replies, takes over what a dead process left."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from chatapp.domain.errors import ChatError
from chatapp.engine.lock import EngineLock
from chatapp.engine.maker import ReplyMaker
from chatapp.storage.database import Database
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import Job, Queued, conversation_topic
from chatapp.streams.broadcast import Broadcast
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
    """Makes the replies of this process while it holds the lock."""

    def __init__(
        self,
        *,
        database: Database,
        queue: FairQueue,
        maker: ReplyMaker,
        broadcast: Broadcast,
        lock: EngineLock,
    ) -> None:
        self._database: Database = database
        self._queue: FairQueue = queue
        self._maker: ReplyMaker = maker
        self._broadcast: Broadcast = broadcast
        self._lock: EngineLock = lock
        self._tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}

    async def run(self) -> None:
        """Works until it is cancelled; then what it was making is left for the next process, at once."""
        await self._lock.acquire()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._scan())
                group.create_task(self._serve())
        finally:
            await self._hand_over()
            self._lock.release()

    def submit(self, job: Job) -> None:
        """Queues a run that was just stored."""
        if self._lock.held:
            self._queue.put(job)
            self._tell_places()

    def stop(self, job: Job) -> None:
        """Ends a run because a person wishes so: at once when it is being made, else before it begins."""
        if job.run_id in self._tasks:
            task, stopped = self._tasks[job.run_id]
            if not stopped.is_set():
                stopped.set()
                task.cancel()
        elif self._lock.held and self._queue.remove(job.run_id):
            # It will only write its end, and that needs no slot.
            self._start(job, slot=False)

    def withdraw(self, run_id: str) -> None:
        """Forgets a run that was taken back before it began."""
        if self._queue.remove(run_id):
            self._tell_places()

    def reorder(self, owner_id: str, run_ids: Sequence[str]) -> None:
        """Makes waiting runs of one conversation in this order."""
        self._queue.reorder(owner_id, run_ids)
        self._tell_places()

    async def _serve(self) -> None:
        while True:
            job = await self._queue.take()
            self._start(job, slot=True)
            self._tell_places()

    def _start(self, job: Job, *, slot: bool) -> None:
        stopped = asyncio.Event()
        task = asyncio.create_task(self._make(job, stopped, slot=slot), name=f"run {job.run_id}")
        self._tasks[job.run_id] = (task, stopped)

    async def _make(self, job: Job, stopped: asyncio.Event, *, slot: bool) -> None:
        try:
            await self._maker.make(job.run_id, stopped)
        except FencedError:
            log.warning("run %s was taken over by another process", job.run_id)
        except ChatError as error:
            # The database could not be asked; the scan finds the run again.
            log.error("run %s could not be claimed: %s", job.run_id, error.code)
        finally:
            self._tasks.pop(job.run_id, None)
            if slot:
                self._queue.done(job)

    async def _scan(self) -> None:
        while True:
            try:
                runs = await self._database.read(lambda transaction: RunRepository(transaction).unfinished())
            except ChatError as error:
                log.error("cannot look for runs: %s", error.code)
                runs = []
            for run in runs:
                job = Job.of(run)
                if run.cancel_requested:
                    self.stop(job)
                if run.id not in self._tasks:
                    self._queue.put(job)
            await asyncio.sleep(SCAN_INTERVAL.total_seconds())

    def _tell_places(self) -> None:
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
