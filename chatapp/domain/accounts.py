"""Who somebody is, and who asks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountKind(StrEnum):
    """How somebody came in."""

    #: Owns things without having told anything; the browser's cookie is all there is to it.
    GUEST = "guest"
    #: Has an email and a password, and comes in from any browser.
    MEMBER = "member"
    #: Nobody yet: may reach the log-in page and nothing else. Only in cookies, never a row.
    VISITOR = "visitor"


class Role(StrEnum):
    """What somebody may do beyond what is theirs."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who asks: the account that owns things, and the login it came in with. Every service takes one."""

    account_id: str
    login_id: str
    kind: AccountKind
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody who owns things. `email` and `name` are "" for those who told none."""

    id: str
    kind: AccountKind
    email: str
    name: str
    role: Role
    created_at: datetime
    disabled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginSession:
    """A browser that is signed in; `current` is the one that asks."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    agent: str
    current: bool
