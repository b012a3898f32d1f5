"""Who somebody is now: the cookie's word until a row says otherwise, and rows can end a login early."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import NotSignedIn
from chatapp.services.cookies import GuestCookies, utc_now
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction

#: How long an answer about a login is believed. With the guard's round every 2 s, an ended login is out of
#: every door within 5 s.
CACHE_TTL: Final = timedelta(seconds=2)
#: SQLite takes 32,766 variables in a statement; far fewer keep each statement short.
BATCH: Final = 500


class Accounts:
    """Logins: made, read, checked and ended."""

    def __init__(
        self, *, database: Database, cookies: GuestCookies, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database: Database = database
        self.cookies: GuestCookies = cookies
        self._now: Callable[[], datetime] = now
        # login id -> (asked at, the answer). Entries go when they are older than CACHE_TTL, so this never
        # holds more logins than asked something within that time.
        self._known: dict[str, tuple[float, bool]] = {}

    async def resolve(self, cookie: str) -> Principal | None:
        """Whom the cookie names, if the login is valid now. A forged one is refused without a query."""
        principal = self.cookies.read(cookie)
        if principal is None:
            return None
        login_id = principal.login_id
        stored = await self._database.read(lambda transaction: AccountRepository(transaction).login(login_id))
        if stored is None:
            return principal
        if stored.ended or stored.principal.expires_at <= self._now():
            return None
        return stored.principal

    async def is_current(self, principal: Principal) -> bool:
        """Whether the login still holds; at most `CACHE_TTL` out of date."""
        return principal.login_id not in await self.ended([principal])

    async def require(self, principal: Principal) -> None:
        """Raises `NotSignedIn` when the login does not hold any more."""
        if not await self.is_current(principal):
            raise NotSignedIn

    async def ended(self, principals: Collection[Principal]) -> frozenset[str]:
        """The ids of those logins that do not hold any more; one query for all that are not known."""
        now, time = self._now(), monotonic()
        self._forget(before=time - CACHE_TTL.total_seconds())
        expired = {p.login_id for p in principals if p.expires_at <= now}
        asked = {p.login_id for p in principals} - expired
        # Asked one by one: a difference of sets would walk all that are known, at each event of everybody.
        if unknown := sorted(login for login in asked if login not in self._known):
            await self._ask(unknown)
        return frozenset(expired | {login for login in asked if not self._known.get(login, (0.0, True))[1]})

    async def revoke(self, login_id: str) -> bool:
        """Ends the login everywhere: at once here, within 5 s in other processes.

        False when there is no row, so nothing was ever kept for it: then the cookie is all there is to clear.
        """
        at = self._now()
        revoked = await self._database.write(
            lambda transaction: AccountRepository(transaction).revoke(login_id, at=at)
        )
        if revoked:
            self._known.pop(login_id, None)
            self._known[login_id] = (monotonic(), False)
        return revoked

    async def _ask(self, logins: list[str]) -> None:
        batches = [logins[start : start + BATCH] for start in range(0, len(logins), BATCH)]

        def work(transaction: Transaction) -> set[str]:
            accounts = AccountRepository(transaction)
            return {login for batch in batches for login in accounts.ended(batch)}

        ended = await self._database.read(work)
        time = monotonic()
        self._known.update({login: (time, login not in ended) for login in logins})

    def _forget(self, *, before: float) -> None:
        # Answers are in the order in which they were asked for: the old ones are in front.
        while self._known and self._known[oldest := next(iter(self._known))][0] < before:
            del self._known[oldest]
