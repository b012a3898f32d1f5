"""Who asks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountKind(StrEnum):
    """How somebody came in."""

    GUEST = "guest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who asks: the account that owns things, and the login it came in with. Every service takes one."""

    account_id: str
    login_id: str
    kind: AccountKind
    expires_at: datetime
