"""What is written to the log of a run, by whom and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chatapp.domain.events import Logged
from chatapp.domain.fold import Snapshot
from chatapp.domain.runs import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Append:
    """What one run adds to its log, as the attempt that writes it."""

    run_id: str
    attempt: int
    records: tuple[Logged, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The last write of a run: final message and whole log."""

    run: Run
    attempt: int
    snapshot: Snapshot
    records: Sequence[Logged]
    at: datetime
