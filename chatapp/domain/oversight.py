"""What an admin sees of others: who there is and what runs. Never what anybody wrote."""

from dataclasses import dataclass
from datetime import datetime

from chatapp.domain.accounts import Account
from chatapp.domain.messages import Status
from chatapp.domain.security_events import SecurityEvent


@dataclass(frozen=True, kw_only=True, slots=True)
class AdminUser:
    """An account, how many conversations it has, and when it was last here (None: it has no login)."""

    account: Account
    conversations: int
    last_seen_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class UserPage:
    """Some users, the newest account first. `after` asks for those that follow; "" when there are none."""

    users: tuple[AdminUser, ...]
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInFlight:
    """A reply that is queued or being made, and whose it is."""

    id: str
    account: Account
    model: str
    status: Status
    created_at: datetime
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditLine:
    """A security event with those whom it names, where they still are."""

    event: SecurityEvent
    account: Account | None
    actor: Account | None
