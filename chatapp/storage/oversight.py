"""What an admin asks about all accounts: no query here asks for an owner, none reads what people wrote."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, or_, select, tuple_
from sqlalchemy.sql import Select

from chatapp.domain.accounts import Account
from chatapp.domain.messages import Status
from chatapp.domain.oversight import AdminUser, RunInFlight
from chatapp.storage.accounts import account_of
from chatapp.storage.runs import UNFINISHED
from chatapp.storage.tables import ACCOUNTS, CONVERSATIONS, LOGINS, RUNS

_accounts = ACCOUNTS.c
_kept = _accounts.deleted_at.is_(None)
_most: BindParameter[int] = bindparam("most")
_count = (
    select(func.count())
    .where(CONVERSATIONS.c.owner_id == _accounts.id, CONVERSATIONS.c.deleted_at.is_(None))
    .scalar_subquery()
    .label("conversations")
)
_seen = (
    select(func.max(func.coalesce(LOGINS.c.last_seen_at, LOGINS.c.created_at)))
    .where(LOGINS.c.account_id == _accounts.id)
    .scalar_subquery()
    .label("seen_at")
)
_USERS = (
    select(ACCOUNTS, _count, _seen)
    .where(_kept)
    .order_by(_accounts.created_at.desc(), _accounts.id.desc())
    .limit(_most)
)
_before = tuple_(_accounts.created_at, _accounts.id) < tuple_(
    bindparam("created_at", type_=_accounts.created_at.type), bindparam("id")
)
_search: BindParameter[str] = bindparam("search")
_FOUND = or_(
    func.instr(_accounts.email, _search) > 0,
    func.instr(func.folded(_accounts.name), _search) > 0,
    func.instr(_accounts.id, _search) == 1,
)
_STATEMENTS: dict[tuple[bool, bool], Select[Any]] = {
    (False, False): _USERS,
    (False, True): _USERS.where(_before),
    (True, False): _USERS.where(_FOUND),
    (True, True): _USERS.where(_FOUND, _before),
}
_RUNS = (
    select(ACCOUNTS, *(column.label(f"run_{column.key}") for column in RUNS.c))
    .join(ACCOUNTS, _accounts.id == RUNS.c.owner_id)
    .where(UNFINISHED)
    .order_by(RUNS.c.created_at, RUNS.c.id)
    .limit(_most)
)
_THESE = select(ACCOUNTS).where(_kept, _accounts.id.in_(bindparam("ids", expanding=True)))


class OversightRepository:
    """All accounts within one transaction, but those that are deleted."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def users(
        self, *, search: str, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[AdminUser]:
        """The newest first, or those before a (created at, id); `search` is casefolded and looked for in
        emails and names, and at the beginning of ids."""
        where: dict[str, Any] = {"most": limit}
        if search:
            where["search"] = search
        if before:
            where["created_at"], where["id"] = before
        rows = self._transaction.execute(_STATEMENTS[bool(search), bool(before)], where)
        return [
            AdminUser(account=account_of(row), conversations=row.conversations, last_seen_at=row.seen_at)
            for row in rows
        ]

    def accounts(self, ids: Collection[str]) -> Mapping[str, Account]:
        """Those of these accounts that there are, by id."""
        rows = self._transaction.execute(_THESE, {"ids": sorted(ids)})
        return {row.id: account_of(row) for row in rows}

    def runs(self, *, limit: int) -> list[RunInFlight]:
        """The replies that are queued or being made, the oldest first."""
        return [_run_of(row) for row in self._transaction.execute(_RUNS, {"most": limit})]


def _run_of(row: Row[Any]) -> RunInFlight:
    return RunInFlight(
        id=row.run_id,
        account=account_of(row),
        model=row.run_model,
        status=Status(row.run_status),
        created_at=row.run_created_at,
        attempt=row.run_attempt,
    )
