"""Accounts: who owns things, and what members are known by. Deleted ones are not there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, update

# Its "ON CONFLICT" is SQLite's too.
from sqlalchemy.dialects.postgresql import insert as insert_or

from chatapp.domain.accounts import Account, AccountKind, HeldBy, Principal, Role
from chatapp.domain.errors import NotSignedIn
from chatapp.storage.logins import LoginRepository
from chatapp.storage.tables import ACCOUNTS

_accounts = ACCOUNTS.c
_id: BindParameter[str] = bindparam("wanted")
#: In words for which SQLite takes the index: there may be many more guests than members.
_member = _accounts.email > ""
_GET = select(ACCOUNTS).where(_accounts.id == _id, _accounts.deleted_at.is_(None))
_BY_EMAIL = select(ACCOUNTS).where(_accounts.email == bindparam("with_email"))
_MEMBERS = select(ACCOUNTS).where(_member).order_by(_accounts.email)
_ANY_MEMBER = select(_accounts.id).where(_member).limit(1)
_OTHER_ADMINS = select(func.count()).where(
    _member,
    _accounts.role == Role.ADMIN.value,
    _accounts.disabled_at.is_(None),
    _accounts.id != _id,
)
_ADD = insert(ACCOUNTS).returning(*_accounts)
_ADD_ONCE = insert_or(ACCOUNTS).on_conflict_do_nothing()
_CHANGE = update(ACCOUNTS).where(_accounts.id == _id).returning(*_accounts)
_JOIN = _CHANGE.where(_accounts.kind == AccountKind.GUEST.value, _accounts.disabled_at.is_(None))
_CHANGE_PASSWORD = (
    update(ACCOUNTS)
    .where(_accounts.id == _id, _accounts.password_hash == bindparam("old_hash"))
    .where(_accounts.disabled_at.is_(None))
    .returning(_accounts.id)
)


class AccountRepository:
    """Accounts within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def ensure(self, principal: Principal, *, at: datetime) -> None:
        """Writes a guest's account and login down if they are not there yet: a guest's first send.

        Two first sends at once are one account. Raises `NotSignedIn` when the login has ended since, and for
        whoever is nobody.
        """
        logins = LoginRepository(self._transaction)
        stored = logins.get(principal.login_id)
        if stored is not None:
            if not stored.holds(at) or stored.principal.account_id != principal.account_id:
                raise NotSignedIn
        elif not self.may_begin(principal):
            raise NotSignedIn
        else:
            account = {
                "id": principal.account_id,
                "kind": principal.kind.value,
                "name": principal.name,
                "created_at": at,
            }
            self._transaction.execute(_ADD_ONCE, account)
            logins.add(principal, at=at)

    def may_begin(self, principal: Principal) -> bool:
        """Whether somebody whose login is not written down is a guest who has not sent anything yet.

        Not when the account is deleted. Nor when it is there: it was written down together with its login,
        whose row is gone because its time was over (and may not be, once `LOGIN_TTL` is raised).
        """
        # A key has its row from the beginning, and has none once its account is gone.
        if principal.kind is not AccountKind.GUEST or principal.held_by is HeldBy.KEY:
            return False
        if self.get(principal.account_id) is not None:
            return False
        return not LoginRepository(self._transaction).gone([principal.login_id])

    def get(self, account_id: str) -> Account | None:
        """The account with this id, if it was ever written down."""
        row = self._transaction.execute(_GET, {"wanted": account_id}).first()
        return account_of(row) if row else None

    def by_email(self, email: str) -> tuple[Account, str] | None:
        """The member with this email, and the hash of the password."""
        row = self._transaction.execute(_BY_EMAIL, {"with_email": email}).first()
        return (account_of(row), row.password_hash) if row else None

    def password_hash(self, account_id: str) -> str | None:
        """The hash of the account's password; None for whoever has none."""
        row = self._transaction.execute(_GET, {"wanted": account_id}).first()
        return row.password_hash if row else None

    def members(self) -> Sequence[Account]:
        """All members, by email."""
        return [account_of(row) for row in self._transaction.execute(_MEMBERS)]

    def has_members(self) -> bool:
        """Whether anybody has registered yet."""
        return self._transaction.execute(_ANY_MEMBER).first() is not None

    def has_other_admin(self, account_id: str) -> bool:
        """Whether somebody else is an admin who can log in."""
        return self._transaction.execute(_OTHER_ADMINS, {"wanted": account_id}).scalar_one() > 0

    def add(
        self, *, account_id: str, email: str, password_hash: str, name: str, role: Role, at: datetime
    ) -> Account:
        """A new member."""
        values = {
            "id": account_id,
            "kind": AccountKind.MEMBER.value,
            "email": email,
            "password_hash": password_hash,
            "name": name,
            "role": role.value,
            "created_at": at,
        }
        return account_of(self._transaction.execute(_ADD, values).one())

    def join(
        self, account_id: str, *, email: str, password_hash: str, name: str, role: Role
    ) -> Account | None:
        """Makes a guest a member, with all that is the guest's; None when it is no guest (any more)."""
        values = {
            "wanted": account_id,
            "kind": AccountKind.MEMBER.value,
            "email": email,
            "password_hash": password_hash,
            "name": name,
            "role": role.value,
        }
        row = self._transaction.execute(_JOIN, values).first()
        return account_of(row) if row else None

    def change(self, account_id: str, **values: Any) -> Account | None:
        """Sets columns of the account; None when there is none."""
        row = self._transaction.execute(_CHANGE, {"wanted": account_id, **values}).first()
        return account_of(row) if row else None

    def change_password(self, account_id: str, *, old_hash: str, password_hash: str) -> bool:
        """False when it was changed since the old hash was read, or the account was disabled."""
        values = {"wanted": account_id, "old_hash": old_hash, "password_hash": password_hash}
        return self._transaction.execute(_CHANGE_PASSWORD, values).first() is not None


def account_of(row: Row[Any]) -> Account:
    """The account in a row of `accounts`."""
    return Account(
        id=row.id,
        kind=AccountKind(row.kind),
        email=row.email or "",
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        disabled=row.disabled_at is not None,
    )
