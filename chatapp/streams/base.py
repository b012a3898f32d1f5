"""What delivery promises, whatever carries it.

Append first, then publish: a listener is told only of what a `LogStore` holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from chatapp.domain.events import Logged
from chatapp.domain.feedback import Rating
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
    """A turn was added, a run began or ended, another branch is shown: read again what you show.

    `ended` is the reply of a run that ended where that is all: its log has said so already, and nothing else
    is new to whoever followed it, but that the turn behind it, if there is one, is not behind it any more.
    """

    ended: str = ""
    kind: Literal["tree_changed"] = "tree_changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A run waits; `position` 1 is the next one."""

    message_id: str
    position: int
    kind: Literal["queued"] = "queued"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """Its reader said what they think of a reply; None is that they took it back."""

    message_id: str
    value: Rating | None
    kind: Literal["rated"] = "rated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """Something may have passed you by: read again what you show, from the database. It is told to all who
    listen, on every topic, and each second for as long as what carries notices between processes is away."""

    kind: Literal["missed"] = "missed"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """To the workers: a run was stored, or was given back by one that ends."""

    job: Job
    kind: Literal["submitted"] = "submitted"


@dataclass(frozen=True, kw_only=True, slots=True)
class StopWished:
    """To the workers: a person wishes the end of this run, whoever makes it."""

    job: Job
    kind: Literal["stop_wished"] = "stop_wished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """To the workers: a run was taken back before it began."""

    run_id: str
    kind: Literal["withdrawn"] = "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reordered:
    """To the workers: these waiting runs of one conversation are to be made in this order."""

    owner_id: str
    run_ids: tuple[str, ...]
    kind: Literal["reordered"] = "reordered"


Notice = Progress | TreeChanged | Queued | Rated | Missed | Submitted | StopWished | Withdrawn | Reordered
Listener = Callable[[Notice], None]

#: What the workers are told, all of them: whoever has a free slot claims a run, and the database lets one.
WORKERS: Final = "workers"


class Broadcast(Protocol):
    """Topics and who listens to them, on the event loop."""

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Calls the listener for each notice from now on; returns how to stop it."""
        ...

    def publish(self, topic: str, notice: Notice) -> None:
        """Tells all who listen in this process before it returns. A listener that fails harms nobody else."""
        ...


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
