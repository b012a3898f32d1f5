"""Accounts and logins: who has come in, and until when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotSignedIn
from chatapp.storage.tables import AccountRow, LoginRow, columns

_accounts = columns(AccountRow)
_logins = columns(LoginRow)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLogin:
    """A login as its row says, and whether it was ended before its time."""

    principal: Principal
    ended: bool


class AccountRepository:
    """Accounts and logins within one transaction."""

    def __init__(self, transaction: Session) -> None:
        self._transaction: Session = transaction

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
        found = (
            self._transaction.execute(
                select(LoginRow, AccountRow)
                .join(AccountRow, _accounts.id == _logins.account_id)
                .where(_logins.id == login_id)
            )
        ).first()
        if found is None:
            return None
        login, account = found
        principal = Principal(
            account_id=account.id,
            login_id=login.id,
            kind=AccountKind(account.kind),
            expires_at=login.expires_at,
        )
        return StoredLogin(
            principal=principal, ended=login.revoked_at is not None or account.disabled_at is not None
        )

    def ended(self, logins: Collection[str]) -> frozenset[str]:
        """Which of these logins were ended before their time, or belong to a disabled account."""
        found = self._transaction.scalars(
            select(_logins.id)
            .join(AccountRow, _accounts.id == _logins.account_id)
            .where(
                _logins.id.in_(logins),
                or_(_logins.revoked_at.is_not(None), _accounts.disabled_at.is_not(None)),
            )
        )
        return frozenset(found)

    def revoke(self, login_id: str, *, at: datetime) -> bool:
        """Ends the login for good; False when it was never written down or has ended already."""
        changed = self._transaction.execute(
            update(LoginRow)
            .where(_logins.id == login_id, _logins.revoked_at.is_(None))
            .values(revoked_at=at)
            .returning(_logins.id)
        )
        return changed.first() is not None

    def _add(self, principal: Principal, *, at: datetime) -> None:
        account = {"id": principal.account_id, "kind": principal.kind.value, "created_at": at}
        self._transaction.execute(insert(AccountRow).values(account).on_conflict_do_nothing())
        login = {
            "id": principal.login_id,
            "account_id": principal.account_id,
            # The id is itself a one-way hash of the cookie's random bits: there is nothing else to keep.
            "token_hash": principal.login_id,
            "created_at": at,
            "expires_at": principal.expires_at,
        }
        self._transaction.execute(insert(LoginRow).values(login).on_conflict_do_nothing())
