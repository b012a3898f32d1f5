"""What delivery promises, whatever carries it.

Append first, then publish: a listener is told only of what a `LogStore` holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from chatapp.domain.events import Logged
from chatapp.domain.log import Append, Ending
from chatapp.domain.runs import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Records that were just appended to a run's log, contiguous."""

    run_id: str
    message_id: str
    records: tuple[Logged, ...]
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeChanged:
    """A turn was added, a run began or ended, another branch is shown: read again what you show."""

    kind: Literal["tree_changed"] = "tree_changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A run waits; `position` 1 is the next one."""

    message_id: str
    position: int
    kind: Literal["queued"] = "queued"


Notice = Progress | TreeChanged | Queued
Listener = Callable[[Notice], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A run that waits for a worker."""

    run_id: str
    owner_id: str
    conversation_key: int
    message_id: str

    @classmethod
    def of(cls, run: Run) -> "Job":
        """The job that this run is."""
        return cls(
            run_id=run.id,
            owner_id=run.owner_id,
            conversation_key=run.conversation_key,
            message_id=run.message_id,
        )


class LogStore(Protocol):
    """Where logs are kept. Every write is refused when another attempt has the run (fencing)."""

    async def append(self, batch: Sequence[Append]) -> frozenset[str]:
        """Appends for all runs in one transaction; returns the runs that were refused."""
        ...

    async def finish(self, ending: Ending) -> bool:
        """Ends a run and compacts its log, in one transaction; False when refused."""
        ...


def conversation_topic(key: int) -> str:
    """What happens in one conversation."""
    return f"conversation:{key}"


def owner_topic(owner_id: str) -> str:
    """What happens to somebody's list of conversations."""
    return f"owner:{owner_id}"
