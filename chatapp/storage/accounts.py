"""Accounts and logins: who has come in, and until when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotSignedIn
from chatapp.storage.tables import ACCOUNTS, LOGINS

_login: BindParameter[str] = bindparam("login")
_LOGIN = (
    select(LOGINS, ACCOUNTS.c.kind, ACCOUNTS.c.disabled_at)
    .join(ACCOUNTS, ACCOUNTS.c.id == LOGINS.c.account_id)
    .where(LOGINS.c.id == _login)
)
_ENDED = (
    select(LOGINS.c.id)
    .join(ACCOUNTS, ACCOUNTS.c.id == LOGINS.c.account_id)
    .where(
        LOGINS.c.id.in_(bindparam("logins", expanding=True)),
        or_(LOGINS.c.revoked_at.is_not(None), ACCOUNTS.c.disabled_at.is_not(None)),
    )
)
_REVOKE = update(LOGINS).where(LOGINS.c.id == _login, LOGINS.c.revoked_at.is_(None)).returning(LOGINS.c.id)
_ADD_ACCOUNT = insert(ACCOUNTS).on_conflict_do_nothing()
_ADD_LOGIN = insert(LOGINS).on_conflict_do_nothing()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLogin:
    """A login as its row says, and whether it was ended before its time."""

    principal: Principal
    ended: bool


class AccountRepository:
    """Accounts and logins within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def ensure(self, principal: Principal, *, at: datetime) -> None:
        """Writes the account and the login down if they are not there yet: a guest's first send.

        Two first sends at once are one account. Raises `NotSignedIn` when the login has ended since.
        """
        stored = self.login(principal.login_id)
        if stored is None:
            self._add(principal, at=at)
        elif stored.ended or stored.principal.account_id != principal.account_id:
            raise NotSignedIn

    def login(self, login_id: str) -> StoredLogin | None:
        """The login with this id, if it was ever written down."""
        row = self._transaction.execute(_LOGIN, {"login": login_id}).first()
        if row is None:
            return None
        principal = Principal(
            account_id=row.account_id,
            login_id=row.id,
            kind=AccountKind(row.kind),
            expires_at=row.expires_at,
        )
        ended = row.revoked_at is not None or row.disabled_at is not None
        return StoredLogin(principal=principal, ended=ended)

    def ended(self, logins: Collection[str]) -> frozenset[str]:
        """Which of these logins were ended before their time, or belong to a disabled account."""
        return frozenset(self._transaction.scalars(_ENDED, {"logins": list(logins)}))

    def revoke(self, login_id: str, *, at: datetime) -> bool:
        """Ends the login for good; False when it was never written down or has ended already."""
        revoked = self._transaction.execute(_REVOKE, {"login": login_id, "revoked_at": at})
        return revoked.first() is not None

    def _add(self, principal: Principal, *, at: datetime) -> None:
        account = {"id": principal.account_id, "kind": principal.kind.value, "created_at": at}
        self._transaction.execute(_ADD_ACCOUNT, account)
        login = {
            "id": principal.login_id,
            "account_id": principal.account_id,
            # The id is itself a one-way hash of the cookie's random bits: there is nothing else to keep.
            "token_hash": principal.login_id,
            "created_at": at,
            "expires_at": principal.expires_at,
        }
        self._transaction.execute(_ADD_LOGIN, login)
