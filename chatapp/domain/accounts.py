"""Who somebody is, and who asks."""

from dataclasses import dataclass, field
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


class HeldBy(StrEnum):
    """What somebody came in with: what holds the secret of a login."""

    #: A cookie.
    BROWSER = "browser"
    #: A token of `POST /api/token`, for an hour.
    TOKEN = "token"  # noqa: S105
    #: An API key, for as long as its owner likes.
    KEY = "key"


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
    held_by: HeldBy = HeldBy.BROWSER
    #: What a guest's token says they are called, until their account is written down.
    name: str = field(default="", compare=False)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """What a program comes in with; its secret was shown once and is kept nowhere. None: never."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
