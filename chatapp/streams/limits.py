"""How often somebody may do something: what is counted, and what counting promises, whoever counts.

Counts may be lost: then somebody has a new share, and nobody is kept out. They never end in an error.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """So many calls in any such time, which is counted in whole seconds."""

    limit: int
    period: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What somebody has left after a call. `resets_at` is the unix time from which there is more."""

    granted: bool
    limit: int
    remaining: int
    resets_at: int
    #: Whole seconds from now until `resets_at`.
    wait: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """So many at once, then one more `each` such time. The `name` keeps one thing's counts from another's."""

    name: str
    burst: int
    each: timedelta


class Limits(Protocol):
    """Counts by key. A key is shown to nobody, but it is kept as it is: secrets are hashed before."""

    async def call(self, key: str, rate: Rate) -> Share:
        """Counts a call of this key, if it has one left."""
        ...

    async def left(self, key: str, rate: Rate) -> Share:
        """The same without counting."""
        ...

    async def take(self, key: str, allowance: Allowance) -> bool:
        """Takes one, or nothing and False when there is none."""
        ...

    async def give_back(self, key: str, allowance: Allowance) -> None:
        """Takes back that one was taken."""
        ...
