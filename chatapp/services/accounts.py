"""Who somebody is now: the cookie's word until a row says otherwise, and rows can end a login early."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from chatapp.domain.accounts import Account, AccountKind, HeldBy, Principal, Role
from chatapp.domain.errors import ChatError, NotFound, NotSignedIn
from chatapp.services.cookies import LoginCookies
from chatapp.services.signing import utc_now
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.logins import LoginRepository, StoredLogin
from chatapp.storage.security_events import SecurityEventRepository

#: How long an answer about a login is believed. With the guard's round every 2 s, an ended login is out of
#: every door within 5 s.
CACHE_TTL: Final = timedelta(seconds=2)
#: SQLite takes 32,766 variables in a statement; far fewer keep each statement short.
BATCH: Final = 500
#: That a login is used is written down so often, and not with each click.
TOUCH_EVERY: Final = timedelta(hours=1)
#: Whoever looks after a key wants to know whether somebody uses it now.
TOUCH_KEY_EVERY: Final = timedelta(minutes=1)
#: Long enough to look into what was noticed late; longer would be a file about people.
EVENTS_KEPT: Final = timedelta(days=90)


class Known(NamedTuple):
    """What was found out about a login, and when."""

    asked_at: float
    holds: bool
    role: Role = Role.USER
    #: None while there is no row.
    last_seen_at: datetime | None = None


UNKNOWN: Final = Known(0.0, True)


class Accounts:
    """Logins: made, read, checked and ended."""

    def __init__(
        self, *, database: Database, cookies: LoginCookies, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database: Database = database
        self.cookies: LoginCookies = cookies
        self._now: Callable[[], datetime] = now
        # By login id. Entries go when they are older than CACHE_TTL, so this never holds more logins than
        # asked something within that time.
        self._known: dict[str, Known] = {}

    def login_id(self, cookie: str) -> str | None:
        """The login that a cookie of ours names, whether or not it still holds; asks nobody."""
        named = self.cookies.read(cookie) or self.cookies.visitor(cookie)
        return named.login_id if named is not None else None

    async def resolve(self, cookie: str) -> Principal | None:
        """Whom the cookie names now: a visitor when its login has ended, for a page that was open must be
        able to come back and say so. None for what we did not make, without a query."""
        claim = self.cookies.read(cookie)
        if claim is None:
            return self.cookies.visitor(cookie)
        if claim.kind is AccountKind.VISITOR:
            return claim.principal()
        login_id = claim.login_id

        guest = claim.principal()

        def work(transaction: Transaction) -> tuple[StoredLogin | None, bool]:
            stored = LoginRepository(transaction).get(login_id)
            # A member's is gone with its account.
            begins = stored is None and guest is not None and AccountRepository(transaction).may_begin(guest)
            return stored, begins

        stored, begins = await self._database.read(work)
        if stored is None:
            return guest if begins else self.cookies.visitor(cookie)
        if not stored.holds(self._now()):
            return self.cookies.visitor(cookie)
        await self.note_use(stored.principal, stored.last_seen_at)
        return stored.principal

    async def is_current(self, principal: Principal) -> bool:
        """Whether somebody is signed in by this login now; at most `CACHE_TTL` out of date."""
        if principal.kind is AccountKind.VISITOR or principal.login_id in await self.ended([principal]):
            return False
        known = self._known.get(principal.login_id, UNKNOWN)
        if known.last_seen_at is not None:
            await self.note_use(principal, known.last_seen_at)
        return True

    async def require(self, principal: Principal) -> None:
        """Raises `NotSignedIn` when the login does not hold any more, and for a visitor."""
        if not await self.is_current(principal):
            raise NotSignedIn

    async def require_admin(self, asker: Principal) -> None:
        """Raises `NotFound` for everybody but admins: for others there is nothing here.

        At most `CACHE_TTL` out of date.
        """
        if asker.login_id in await self.ended([asker]):
            raise NotFound
        if self._known.get(asker.login_id, UNKNOWN).role is not Role.ADMIN:
            raise NotFound

    async def account(self, asker: Principal) -> Account:
        """The asker's own. A guest who has not sent anything yet has one too, though it is not written down.

        Raises `NotSignedIn`.
        """
        await self.require(asker)
        found = await self._database.read(lambda work: AccountRepository(work).get(asker.account_id))
        if found is not None:
            return found
        return Account(
            id=asker.account_id,
            kind=asker.kind,
            email="",
            name=asker.name,
            role=Role.USER,
            created_at=self._now(),
            disabled=False,
        )

    async def ended(self, principals: Collection[Principal]) -> frozenset[str]:
        """The ids of those logins that do not hold any more; one query for all that are not known."""
        now, time = self._now(), monotonic()
        self._forget(before=time - CACHE_TTL.total_seconds())
        expired = {p.login_id for p in principals if p.expires_at <= now}
        # Asked one by one: a difference of sets would walk all that are known, at each event of everybody.
        unknown = {
            p.login_id: p.kind is not AccountKind.MEMBER and p.held_by is not HeldBy.KEY
            for p in principals
            if p.login_id not in expired and p.login_id not in self._known
        }
        if unknown:
            await self._ask(unknown)
        return frozenset(
            p.login_id for p in principals if p.login_id in expired or not self._holds(p.login_id)
        )

    async def revoke(self, login_id: str) -> bool:
        """Ends the login everywhere: at once here, within 5 s in other processes.

        False when there is no row, so nothing was ever kept for it: then the cookie is all there is to clear.
        """
        at = self._now()
        revoked = await self._database.write(
            lambda transaction: LoginRepository(transaction).revoke(login_id, at=at)
        )
        if revoked:
            self.know_ended([login_id])
        return revoked

    async def purge(self) -> int:
        """Removes logins whose cookie's time is over, and security events after `EVENTS_KEPT`."""
        now, purged = self._now(), 0

        def work(transaction: Transaction) -> int:
            logins = LoginRepository(transaction).forget(before=now, most=BATCH)
            events = SecurityEventRepository(transaction)
            return logins + events.forget(before=now - EVENTS_KEPT, most=BATCH)

        # Nobody asks for these rows any more, so nobody has to wait for that.
        while gone := await self._database.append(work):
            purged += gone
        return purged

    def know_ended(self, login_ids: Iterable[str]) -> None:
        """Whoever ended these logins says so, and nothing here believes the older answer any longer."""
        for login_id in login_ids:
            # Taken out first, so that the answers stay in the order in which they came.
            self._known.pop(login_id, None)
            self._known[login_id] = Known(monotonic(), False)

    def _holds(self, login_id: str) -> bool:
        return self._known.get(login_id, UNKNOWN).holds

    async def _ask(self, logins: dict[str, bool]) -> None:
        """Asks about these, each with whether it may hold without a row."""
        wanted = sorted(logins)
        batches = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]

        def work(transaction: Transaction) -> tuple[dict[str, StoredLogin], set[str]]:
            repository = LoginRepository(transaction)
            stored = {one.principal.login_id: one for part in batches for one in repository.get_all(part)}
            missing = [[one for one in part if one not in stored] for part in batches]
            return stored, {login for part in missing if part for login in repository.gone(part)}

        stored, gone = await self._database.read(work)
        now, time = self._now(), monotonic()
        for login_id in wanted:
            if (one := stored.get(login_id)) is not None:
                known = Known(time, one.holds(now), one.role, one.last_seen_at)
            else:
                # A guest without a row is somebody; a member, or a key, without one was deleted.
                known = Known(time, logins[login_id] and login_id not in gone)
            self._known.pop(login_id, None)
            self._known[login_id] = known

    async def note_use(self, principal: Principal, last_seen_at: datetime) -> None:
        """Writes down that a login is used, unless that was noted a short time ago."""
        now, login_id = self._now(), principal.login_id
        every = TOUCH_KEY_EVERY if principal.held_by is HeldBy.KEY else TOUCH_EVERY
        if now - last_seen_at < every:
            return
        if (known := self._known.get(login_id)) is not None:
            # First, so that two events at once write it down once.
            self._known[login_id] = known._replace(last_seen_at=now)
        try:
            await self._database.write(
                lambda work: LoginRepository(work).touch(login_id, at=now), of=principal.account_id
            )
        except ChatError:
            # A full disk keeps nobody out; the next use tries again.
            return

    def _forget(self, *, before: float) -> None:
        # Answers are in the order in which they were asked for: the old ones are in front.
        while self._known and self._known[oldest := next(iter(self._known))].asked_at < before:
            del self._known[oldest]
