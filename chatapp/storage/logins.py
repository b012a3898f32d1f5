"""Logins: which browsers are signed in, and until when."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, or_, select, update

# Its "ON CONFLICT" is SQLite's too.
from sqlalchemy.dialects.postgresql import insert as insert_or

from chatapp.domain.accounts import AccountKind, HeldBy, Principal, Role
from chatapp.storage.tables import ACCOUNTS, ENDED_LOGINS, LOGINS

#: A member's login that nobody used for so long ends. A guest's does not: there is no other way back in.
IDLE_TTL: Final = timedelta(days=14)
#: So that a key's first use is always worth a note.
_NEVER_USED: Final = datetime.min.replace(tzinfo=UTC)

_logins = LOGINS.c
_login: BindParameter[str] = bindparam("login")
_account: BindParameter[str] = bindparam("of_account")
_at: BindParameter[datetime] = bindparam("at")
_last_seen = func.coalesce(_logins.last_seen_at, _logins.created_at)
_WITH_ACCOUNT = select(
    LOGINS,
    _last_seen.label("seen_at"),
    ACCOUNTS.c.kind,
    ACCOUNTS.c.role,
    ACCOUNTS.c.disabled_at,
).join(ACCOUNTS, ACCOUNTS.c.id == _logins.account_id)
_GET = _WITH_ACCOUNT.where(_logins.id == _login)
_ALL = _WITH_ACCOUNT.where(_logins.id.in_(bindparam("logins", expanding=True)))
#: Keys are not logins to those who see a list of these, or end all of them.
_no_key = _logins.held_by != HeldBy.KEY.value
_BY_HASH = _WITH_ACCOUNT.where(_logins.token_hash == bindparam("hashed"))
_OF_ACCOUNT = _WITH_ACCOUNT.where(_logins.account_id == _account, _no_key).order_by(_last_seen.desc())
_GONE = select(ENDED_LOGINS.c.id).where(ENDED_LOGINS.c.id.in_(bindparam("logins", expanding=True)))
_not_revoked = or_(_logins.revoked_at.is_(None), _logins.revoked_at > _at)
_REVOKE = (
    update(LOGINS)
    .where(_logins.id == _login, _not_revoked)
    .values(revoked_at=bindparam("end"))
    .returning(_logins.id)
)
_REVOKE_OWN = _REVOKE.where(_logins.account_id == _account, _no_key)
_REVOKE_ALL = (
    update(LOGINS)
    .where(_logins.account_id == _account, _not_revoked)
    .values(revoked_at=_at)
    .returning(_logins.id)
)
_REVOKE_OTHERS = _REVOKE_ALL.where(_logins.id != _login, _no_key)
#: Of a login whose ticket is out: nobody can have used it before.
_BEGIN = (
    update(LOGINS)
    .where(_logins.id == _login, _not_revoked, _logins.last_seen_at.is_(None))
    .values(last_seen_at=_at)
    .returning(_logins.id)
)
_TOUCH = update(LOGINS).where(_logins.id == _login).values(last_seen_at=_at)
_ADD_ONCE = insert_or(LOGINS).on_conflict_do_nothing()
_ended = insert_or(ENDED_LOGINS)
_KEEP_ENDED = _ended.on_conflict_do_update(
    index_elements=[ENDED_LOGINS.c.id], set_={"expires_at": _ended.excluded.expires_at}
)
_FORGETS = tuple(
    delete(table).where(
        table.c.id.in_(select(table.c.id).where(table.c.expires_at < _at).limit(bindparam("most")))
    )
    for table in (LOGINS, ENDED_LOGINS)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLogin:
    """A login as its row says; `begun` when somebody has its cookie, a key when it was used."""

    principal: Principal
    begun: bool
    role: Role
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None
    agent: str
    disabled: bool

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything at this time."""
        by_browser = self.principal.held_by is HeldBy.BROWSER
        is_member = self.principal.kind is AccountKind.MEMBER
        idle = by_browser and is_member and self.last_seen_at + IDLE_TTL <= now
        revoked = self.revoked_at is not None and self.revoked_at <= now
        return not (self.disabled or revoked or idle) and now < self.principal.expires_at


class LoginRepository:
    """Logins within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def get(self, login_id: str) -> StoredLogin | None:
        """The login with this id, if it was ever written down."""
        row = self._transaction.execute(_GET, {"login": login_id}).first()
        return _login_of(row) if row else None

    def get_all(self, login_ids: Collection[str]) -> list[StoredLogin]:
        """Those of these logins that were ever written down."""
        return [_login_of(row) for row in self._transaction.execute(_ALL, {"logins": list(login_ids)})]

    def by_hash(self, token_hash: str) -> StoredLogin | None:
        """The login, or key, whose secret has this hash."""
        row = self._transaction.execute(_BY_HASH, {"hashed": token_hash}).first()
        return _login_of(row) if row else None

    def of_account(self, account_id: str) -> Sequence[StoredLogin]:
        """The account's logins without its keys, ended ones too, the last seen first."""
        return [_login_of(row) for row in self._transaction.execute(_OF_ACCOUNT, {"of_account": account_id})]

    def gone(self, login_ids: Collection[str]) -> frozenset[str]:
        """Those of these logins whose account is deleted."""
        return frozenset(self._transaction.scalars(_GONE, {"logins": list(login_ids)}))

    def add(self, principal: Principal, *, at: datetime, agent: str = "", begun: bool = True) -> None:
        """Writes the login down, if it is not there yet; not `begun` while its cookie is to be fetched."""
        login = {
            "id": principal.login_id,
            "account_id": principal.account_id,
            # The id is itself a one-way hash of the cookie's random bits: there is nothing else to keep.
            "token_hash": principal.login_id,
            "created_at": at,
            "last_seen_at": at if begun else None,
            "expires_at": principal.expires_at,
            "agent": agent,
            "held_by": principal.held_by.value,
        }
        self._transaction.execute(_ADD_ONCE, login)

    def begin(self, login_id: str, *, at: datetime) -> bool:
        """Notes that its cookie is fetched; False when it was before, when it has ended, and for no login."""
        return self._transaction.execute(_BEGIN, {"login": login_id, "at": at}).first() is not None

    def touch(self, login_id: str, *, at: datetime) -> None:
        """Notes that it was used."""
        self._transaction.execute(_TOUCH, {"login": login_id, "at": at})

    def revoke(self, login_id: str, *, at: datetime, after: timedelta = timedelta()) -> bool:
        """Ends the login for good, or so much later; False when it is not there or has ended already."""
        values = {"login": login_id, "at": at, "end": at + after}
        return self._transaction.execute(_REVOKE, values).first() is not None

    def revoke_own(self, account_id: str, login_id: str, *, at: datetime) -> bool:
        """The same for a login of this account; False when it is another's."""
        values = {"login": login_id, "of_account": account_id, "at": at, "end": at}
        return self._transaction.execute(_REVOKE_OWN, values).first() is not None

    def revoke_all(self, account_id: str, *, at: datetime) -> Sequence[str]:
        """Ends all logins and keys of the account; returns those that held until now."""
        return self._transaction.scalars(_REVOKE_ALL, {"of_account": account_id, "at": at}).all()

    def revoke_others(self, account_id: str, *, but: str, at: datetime) -> Sequence[str]:
        """Ends all logins of the account but one, and no key; returns those that held until now."""
        values = {"of_account": account_id, "login": but, "at": at}
        return self._transaction.scalars(_REVOKE_OTHERS, values).all()

    def keep_ended(self, account_id: str) -> None:
        """To be called before an account is deleted: its cookies open nothing, and make no account anew."""
        self.keep_gone(login.principal for login in self.of_account(account_id))

    def keep_gone(self, principals: Iterable[Principal]) -> None:
        """The same for logins that may never have been written down."""
        rows = [{"id": one.login_id, "expires_at": one.expires_at} for one in principals]
        if rows:
            self._transaction.execute(_KEEP_ENDED, rows)

    def forget(self, *, before: datetime, most: int) -> int:
        """Removes what nobody asks for: logins whose cookie's own time was over then. Returns how many."""
        values = {"at": before, "most": most}
        return sum(self._transaction.execute(forget, values).rowcount for forget in _FORGETS)


def _login_of(row: Row[Any]) -> StoredLogin:
    is_unused = row.last_seen_at is None and row.held_by == HeldBy.KEY.value
    return StoredLogin(
        principal=Principal(
            account_id=row.account_id,
            login_id=row.id,
            kind=AccountKind(row.kind),
            expires_at=row.expires_at,
            held_by=HeldBy(row.held_by),
        ),
        begun=row.last_seen_at is not None,
        role=Role(row.role),
        created_at=row.created_at,
        last_seen_at=_NEVER_USED if is_unused else row.seen_at,
        revoked_at=row.revoked_at,
        agent=row.agent,
        disabled=row.disabled_at is not None,
    )
