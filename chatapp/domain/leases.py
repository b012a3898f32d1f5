"""Leases: which processes make replies."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLease:
    """A worker's lease, as everybody can read it.

    `beats` counts its renewals, `silent_ms` is how long ago the last one was by the database's clock. Of the
    worker's `slots` so many are `active`. A `dedicated` worker does nothing else.
    """

    name: str
    beats: int
    slots: int
    active: int
    dedicated: bool
    silent_ms: int

    @property
    def process(self) -> str:
        """Whose lease it is: a process that was taken for dead has a second one, see `lease_name`."""
        return self.name.rpartition("-")[0]


def lease_name(process: str, number: int) -> str:
    """What a process's lease of this number is called."""
    return f"{process}-{number}"
