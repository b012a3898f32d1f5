"""Who is served next: owners in turn, each owner's runs in order, one run at a time in a conversation."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from chatapp.streams.base import Job


class FairQueue:
    """Jobs of this process. The truth is in the database: what is lost here is found there again."""

    def __init__(self, *, slots: int, slots_per_owner: int) -> None:
        self._slots: int = slots
        self._slots_per_owner: int = slots_per_owner
        self._waiting: dict[str, deque[Job]] = {}
        self._active: dict[str, Job] = {}
        self._elsewhere: frozenset[Job] = frozenset()
        self._changed: asyncio.Event = asyncio.Event()

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._active or any(job.run_id == run_id for job in self._all_waiting())

    @property
    def waiting(self) -> int:
        """How many jobs wait for a slot."""
        return sum(map(len, self._waiting.values()))

    @property
    def active(self) -> int:
        """How many jobs have a slot."""
        return len(self._active)

    def waiting_ids(self) -> frozenset[str]:
        """The runs that wait for a slot."""
        return frozenset(job.run_id for job in self._all_waiting())

    def resize(self, slots: int) -> None:
        """From now on so many jobs may have a slot; those that have one keep it."""
        if slots != self._slots:
            self._slots = slots
            self._changed.set()

    def made_elsewhere(self, jobs: Iterable[Job]) -> None:
        """What other workers make: it counts for its owners and conversations, and takes no slot here."""
        elsewhere = frozenset(jobs)
        if elsewhere != self._elsewhere:
            self._elsewhere = elsewhere
            self._changed.set()

    def put(self, job: Job) -> None:
        """Puts a job at the end of its owner's line; one that is here already stays where it is."""
        if job.run_id not in self:
            self._waiting.setdefault(job.owner_id, deque()).append(job)
            self._changed.set()

    async def take(self) -> Job:
        """The next job, as soon as there is a slot for it. `done` gives the slot back."""
        while (job := self._next()) is None:
            self._changed.clear()
            await self._changed.wait()
        self._active[job.run_id] = job
        return job

    def done(self, job: Job) -> None:
        """Frees the job's slot."""
        self._active.pop(job.run_id, None)
        self._changed.set()

    def remove(self, run_id: str) -> Job | None:
        """Takes a waiting job out of the line; None when it does not wait."""
        for job in self._all_waiting():
            if job.run_id == run_id:
                self._drop(job)
                return job
        return None

    def reorder(self, owner_id: str, run_ids: Sequence[str]) -> None:
        """Puts those of the owner's jobs that wait in this order; together they keep their places."""
        line = self._waiting.get(owner_id, deque())
        places = {job.run_id: job for job in line}
        ordered = iter([places[run_id] for run_id in run_ids if run_id in places])
        moved = set(run_ids)
        for place, job in enumerate(line):
            if job.run_id in moved:
                line[place] = next(ordered)

    def positions(self) -> Iterator[tuple[Job, int]]:
        """Each waiting job with its place, 1 for the next, as if no new ones came."""
        lines = list(self._waiting.values())
        place = 0
        for turn in range(max(map(len, lines), default=0)):
            for line in lines:
                if turn < len(line):
                    place += 1
                    yield line[turn], place

    def _all_waiting(self) -> Iterator[Job]:
        for line in self._waiting.values():
            yield from line

    def _next(self) -> Job | None:
        if len(self._active) >= self._slots:
            return None
        made = self._elsewhere.union(self._active.values())
        busy = {job.conversation_key for job in made}
        counts = Counter(job.owner_id for job in made)
        for owner_id, line in self._waiting.items():
            if counts[owner_id] >= self._slots_per_owner:
                continue
            job = next((job for job in line if job.conversation_key not in busy), None)
            if job is not None:
                self._drop(job)
                # The owner goes to the end of the round.
                if (rest := self._waiting.pop(owner_id, None)) is not None:
                    self._waiting[owner_id] = rest
                return job
        return None

    def _drop(self, job: Job) -> None:
        line = self._waiting[job.owner_id]
        line.remove(job)
        if not line:
            del self._waiting[job.owner_id]
