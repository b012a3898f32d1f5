"""Tickets: how a login that was proved on the page's socket becomes a cookie, which only HTTP can set."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: A ticket is used by the redirect that it is made for, a moment later.
TICKET_TTL: Final = timedelta(seconds=30)
#: More than log in within that time, even on a busy morning; the oldest give way.
MAX_TICKETS: Final = 1_000


class Tickets(Generic[T]):
    """Each is good once, soon, and for the login that asked for it: one that leaks with an address is worth
    nothing in another browser. In the memory of the process, so no ticket outlives it."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now: Callable[[], float] = now
        # The oldest in front.
        self._issued: OrderedDict[str, tuple[float, str, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._issued)

    def issue(self, login_id: str, content: T) -> str:
        """A new ticket for whoever asks with this login."""
        now = self._now()
        while self._issued and (len(self._issued) >= MAX_TICKETS or self._oldest() <= now):
            self._issued.popitem(last=False)
        ticket = secrets.token_urlsafe(32)
        self._issued[ticket] = (now + TICKET_TTL.total_seconds(), login_id, content)
        return ticket

    def redeem(self, login_id: str, ticket: str) -> T | None:
        """What it stands for; None when it is unknown, used, too old or another login's. It is used then."""
        until, issued_to, content = self._issued.pop(ticket, (0.0, "", None))
        return content if issued_to == login_id and self._now() < until else None

    def _oldest(self) -> float:
        return next(iter(self._issued.values()))[0]
