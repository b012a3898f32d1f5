"""How the services tell the workers, wherever they are, what there is to do."""

from collections.abc import Sequence

from chatapp.streams.base import WORKERS, Broadcast, Job, Reordered, StopWished, Submitted, Withdrawn


class Dispatch:
    """Notices to all workers. The database knows it all already: one that is lost is found there within a
    second."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast: Broadcast = broadcast

    def submit(self, job: Job) -> None:
        """A run was just stored."""
        self._broadcast.publish(WORKERS, Submitted(job=job))

    def stop(self, job: Job) -> None:
        """A person wishes the end of this run: at once when it is being made, else before it begins."""
        self._broadcast.publish(WORKERS, StopWished(job=job))

    def withdraw(self, run_id: str) -> None:
        """A run was taken back before it began."""
        self._broadcast.publish(WORKERS, Withdrawn(run_id=run_id))

    def reorder(self, owner_id: str, run_ids: Sequence[str]) -> None:
        """Waiting runs of one conversation are to be made in this order."""
        self._broadcast.publish(WORKERS, Reordered(owner_id=owner_id, run_ids=tuple(run_ids)))
