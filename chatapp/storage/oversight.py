"""What an admin asks about all accounts: no query here asks for an owner, none reads what people wrote."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Integer, Row, bindparam, func, or_, select, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import Select
from sqlalchemy.sql.functions import GenericFunction

from chatapp.domain.accounts import Account
from chatapp.domain.messages import Status
from chatapp.domain.oversight import AdminUser, RunInFlight
from chatapp.storage.accounts import account_of
from chatapp.storage.runs import UNFINISHED
from chatapp.storage.tables import ACCOUNTS, CONVERSATIONS, LOGINS, RUNS


class _Instr(GenericFunction[int]):
    """`func.instr`: where a text begins in another, counted from 1; 0 when it does not."""

    name = "instr"
    type = Integer()
    inherit_cache = True


@compiles(_Instr, "postgresql")
def _strpos(found: _Instr, compiler: Any, **options: Any) -> str:
    return f"strpos{compiler.process(found.clause_expr, **options)}"


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
_place = tuple_(_accounts.created_at, _accounts.id)
_before = _place < tuple_(bindparam("created_at", type_=_accounts.created_at.type), bindparam("id"))
_down_to = _place >= tuple_(bindparam("last_created_at", type_=_accounts.created_at.type), bindparam("last"))
_PLACES = (
    select(_accounts.created_at, _accounts.id)
    .where(_kept)
    .order_by(_accounts.created_at.desc(), _accounts.id.desc())
    .offset(bindparam("past"))
    .limit(1)
)
_search: BindParameter[str] = bindparam("search")
_FOUND = or_(
    func.instr(_accounts.email, _search) > 0,
    func.instr(func.folded(_accounts.name), func.folded(_search)) > 0,
    func.instr(_accounts.id, _search) == 1,
)
#: By whether it is searched, begins before a place, and ends at one.
_STATEMENTS: dict[tuple[bool, bool, bool], Select[Any]] = {
    (searched, begins, ends): _USERS.where(
        *([_FOUND] if searched else []), *([_before] if begins else []), *([_down_to] if ends else [])
    )
    for searched in (False, True)
    for begins in (False, True)
    for ends in (False, True)
}
_RUNS = (
    select(ACCOUNTS, *(column.label(f"run_{column.key}") for column in RUNS.c))
    .join(ACCOUNTS, _accounts.id == RUNS.c.owner_id)
    .where(UNFINISHED)
    .order_by(RUNS.c.created_at, RUNS.c.id)
    .limit(_most)
)
_THESE = select(ACCOUNTS).where(_kept, _accounts.id.in_(bindparam("ids", expanding=True)))

#: When an account was made, and its id: accounts are in the order of these.
Place = tuple[datetime, str]


class OversightRepository:
    """All accounts within one transaction, but those that are deleted."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def users(
        self, *, search: str, limit: int, before: Place | None = None, down_to: Place | None = None
    ) -> list[AdminUser]:
        """The newest first, or those before a place, or those from there down to another; `search` is
        casefolded and looked for in emails and names, and at the beginning of ids."""
        where: dict[str, Any] = {"most": limit}
        if search:
            where["search"] = search
        if before:
            where["created_at"], where["id"] = before
        if down_to:
            where["last_created_at"], where["last"] = down_to
        statement = _STATEMENTS[bool(search), bool(before), bool(down_to)]
        rows = self._transaction.execute(statement, where)
        return [
            AdminUser(account=account_of(row), conversations=row.conversations, last_seen_at=row.seen_at)
            for row in rows
        ]

    def place_of(self, number: int, *, before: Place | None = None) -> Place | None:
        """Of the account with this number, counted from the newest or from a place; None: there is none."""
        where: dict[str, Any] = {"past": number - 1}
        if before:
            where["created_at"], where["id"] = before
        row = self._transaction.execute(_PLACES.where(_before) if before else _PLACES, where).first()
        return (row.created_at, row.id) if row else None

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
