"""Accounts that are deleted: nobody comes in as them any more, and what they had goes in pieces."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, literal, select, update
from sqlalchemy.sql import exists

from chatapp.domain.accounts import AccountKind, Role
from chatapp.storage.deleted import purge_part
from chatapp.storage.runs import GENERATING
from chatapp.storage.tables import ACCOUNTS, CONVERSATIONS, LOGINS

_account: BindParameter[str] = bindparam("account")
_at: BindParameter[datetime] = bindparam("at")
_deleted = ACCOUNTS.c.deleted_at.is_not(None)

_BEGIN = (
    update(ACCOUNTS)
    .where(ACCOUNTS.c.id == _account)
    # Whoever they were is gone at once; the email can be used again.
    .values(
        kind=AccountKind.GUEST.value,
        email=None,
        name="",
        password_hash=None,
        role=Role.USER.value,
        disabled_at=_at,
        deleted_at=_at,
    )
)
_FORGET_LOGINS = delete(LOGINS).where(LOGINS.c.account_id == _account)
_NEXT = (
    select(CONVERSATIONS.c.key, CONVERSATIONS.c.owner_id)
    .join(ACCOUNTS, ACCOUNTS.c.id == CONVERSATIONS.c.owner_id)
    .where(_deleted, CONVERSATIONS.c.key.not_in(GENERATING))
    .limit(1)
)
_ANY = select(ACCOUNTS.c.id).where(_deleted).limit(1)
_IS_NEXT = _NEXT.where(CONVERSATIONS.c.key == bindparam("in_key"))
_empty = ~exists(select(literal(1)).where(CONVERSATIONS.c.owner_id == ACCOUNTS.c.id))
_NEXT_EMPTY = select(ACCOUNTS.c.id).where(_deleted, _empty).limit(1)
_FORGET_EMPTY = delete(ACCOUNTS).where(ACCOUNTS.c.id == _account, _deleted, _empty)


class Leftover(NamedTuple):
    """Something of a deleted account: a conversation or, without one, the account itself."""

    account_id: str
    key: int | None = None


class ErasureRepository:
    """The end of accounts within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def begin(self, account_id: str, *, at: datetime) -> None:
        """Marks the account: from now on it is not there. Which logins it had must be kept before that."""
        self._transaction.execute(_BEGIN, {"account": account_id, "at": at})
        self._transaction.execute(_FORGET_LOGINS, {"account": account_id})

    def is_unfinished(self) -> bool:
        """Whether something of a deleted account is still there."""
        return self._transaction.execute(_ANY).first() is not None

    def leftover(self) -> Leftover | None:
        """What can be removed next. Conversations in which a reply is just being stopped wait."""
        if (row := self._transaction.execute(_NEXT).first()) is not None:
            return Leftover(row.owner_id, row.key)
        empty = self._transaction.scalar(_NEXT_EMPTY)
        return Leftover(empty) if empty is not None else None

    def purge(self, leftover: Leftover, *, most: int) -> None:
        """Removes for good a part of it, if it can be: so many messages of the conversation, or what is left
        of it; or the account."""
        if leftover.key is None:
            self._transaction.execute(_FORGET_EMPTY, {"account": leftover.account_id})
        elif self._transaction.execute(_IS_NEXT, {"in_key": leftover.key}).first() is not None:
            purge_part(self._transaction, leftover.key, most=most)
