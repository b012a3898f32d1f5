"""API keys: logins that a program holds, under a name that their owner gave them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Row, bindparam, insert, or_, select, update

from chatapp.domain.accounts import ApiKey, HeldBy
from chatapp.storage.tables import LOGINS

#: When a key without an end ends: the last day that SQLite and Python both know.
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)

_logins = LOGINS.c
_at: BindParameter[datetime] = bindparam("at")
_held = (
    _logins.account_id == bindparam("of_account"),
    _logins.held_by == HeldBy.KEY.value,
    or_(_logins.revoked_at.is_(None), _logins.revoked_at > _at),
)
_ADD = insert(LOGINS)
_OF_ACCOUNT = select(LOGINS).where(*_held, _logins.expires_at > _at).order_by(_logins.created_at.desc())
_REVOKE = (
    update(LOGINS)
    .where(*_held, _logins.id == bindparam("key_id"))
    .values(revoked_at=_at)
    .returning(_logins.name)
)


class ApiKeyRepository:
    """API keys within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def add(self, account_id: str, key: ApiKey, *, secret_hash: str) -> None:
        """A new key of an account that is written down."""
        values = {
            "id": key.id,
            "account_id": account_id,
            "token_hash": secret_hash,
            "created_at": key.created_at,
            "expires_at": key.expires_at or NEVER,
            "held_by": HeldBy.KEY.value,
            "name": key.name,
        }
        self._transaction.execute(_ADD, values)

    def of_account(self, account_id: str, *, at: datetime) -> Sequence[ApiKey]:
        """The account's keys that hold then, the newest first."""
        rows = self._transaction.execute(_OF_ACCOUNT, {"of_account": account_id, "at": at})
        return [_key_of(row) for row in rows]

    def revoke(self, account_id: str, key_id: str, *, at: datetime) -> str | None:
        """Ends a key of this account and returns its name; None when there is none that holds."""
        values = {"of_account": account_id, "key_id": key_id, "at": at}
        return self._transaction.scalars(_REVOKE, values).first()


def _key_of(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_seen_at,
        expires_at=None if row.expires_at >= NEVER else row.expires_at,
    )
