"""Users, replies in flight, security events as they are drawn. All is text of others: never markup."""

from datetime import datetime
from typing import Final, TypedDict

from chatapp.domain.accounts import Account, AccountKind, Role
from chatapp.domain.messages import Status
from chatapp.domain.oversight import AdminUser, AuditLine, RunInFlight
from chatapp.domain.security_events import OPERATOR, SecurityEventKind

#: Of an id, where nobody has a name: enough to tell one from another.
SHORT_ID: Final = 8
WORDS: Final = {
    SecurityEventKind.REGISTERED: "Account created",
    SecurityEventKind.LOGGED_IN: "Logged in",
    SecurityEventKind.LOGIN_FAILED: "Log-in failed",
    SecurityEventKind.LOGGED_OUT: "Logged out",
    SecurityEventKind.LOGIN_ENDED: "Login ended",
    SecurityEventKind.OTHER_LOGINS_ENDED: "Other logins ended",
    SecurityEventKind.PASSWORD_CHANGED: "Password changed",
    SecurityEventKind.PASSWORD_RESET: "Password reset",
    SecurityEventKind.ROLE_CHANGED: "Role changed",
    SecurityEventKind.DISABLED: "Account disabled",
    SecurityEventKind.ENABLED: "Account enabled",
    SecurityEventKind.RUN_STOPPED: "Reply stopped",
    SecurityEventKind.RUN_GIVEN_UP: "Reply given up",
    SecurityEventKind.DATA_EXPORTED: "Data exported",
    SecurityEventKind.ACCOUNT_DELETED: "Account deleted",
}


class UserRow(TypedDict):
    """`who` is a name, an email, or what stands for a guest; `email` is "" where `who` says it already."""

    id: str
    who: str
    email: str
    is_member: bool
    is_admin: bool
    is_me: bool
    disabled: bool
    conversations: int
    created_at: str
    seen_at: str


class RunRow(TypedDict):
    """A reply that is queued or being made."""

    id: str
    who: str
    model: str
    generating: bool
    created_at: str


class EventRow(TypedDict):
    """`by` is "" when it was done by whom it happened to."""

    id: int
    at: str
    what: str
    who: str
    by: str
    address: str
    detail: str


def user_row(user: AdminUser, *, is_me: bool) -> UserRow:
    """A user in the list."""
    account = user.account
    return UserRow(
        id=account.id,
        who=called(account, account.id),
        email=account.email if account.name else "",
        is_member=account.kind is AccountKind.MEMBER,
        is_admin=account.role is Role.ADMIN,
        is_me=is_me,
        disabled=account.disabled,
        conversations=user.conversations,
        created_at=_moment(account.created_at),
        seen_at=_moment(user.last_seen_at) if user.last_seen_at else "",
    )


def run_row(run: RunInFlight) -> RunRow:
    """A reply in the list."""
    return RunRow(
        id=run.id,
        who=called(run.account, run.account.id),
        model=run.model,
        generating=run.status is Status.STREAMING,
        created_at=_moment(run.created_at),
    )


def event_row(line: AuditLine) -> EventRow:
    """An event in the log."""
    event = line.event
    by_other = event.actor_id not in {"", event.account_id}
    return EventRow(
        id=event.id,
        at=_moment(event.at),
        what=WORDS[event.kind],
        who=called(line.account, event.account_id),
        by=called(line.actor, event.actor_id) if by_other else "",
        address=event.address,
        detail=event.detail,
    )


def called(account: Account | None, account_id: str) -> str:
    """What somebody is called in lists; "" for nobody."""
    if account_id == OPERATOR:
        return "the command line"
    if account is None:
        return f"deleted account {account_id[:SHORT_ID]}" if account_id else ""
    return account.name or account.email or f"Guest {account_id[:SHORT_ID]}"


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
