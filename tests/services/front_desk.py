"""Accounts and logins on a database, with a clock that tests turn."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatapp.domain.accounts import Principal
from chatapp.services.accounts import Accounts
from chatapp.services.api_keys import ApiKeys
from chatapp.services.bearers import Bearers
from chatapp.services.cookies import LoginCookies
from chatapp.services.operating import Operating
from chatapp.services.passwords import Passwords
from chatapp.services.sign_in import Admission, SignIn, Visit
from chatapp.services.throttles import Throttles
from chatapp.services.tokens import Tokens
from chatapp.storage.database import Database
from chatapp.streams.memory_limits import MemoryLimits
from tests import databases
from tests.storage.made import opened_database

PASSWORD = "correct horse battery"
VISIT = Visit(address="192.0.2.7", agent="Firefox on Linux")


class FrontDesk:
    """Where people come in; its time stands still until a test turns it."""

    def __init__(
        self, database: Database, url: str, *, guests: bool = True, sign_up: bool = True, days: int = 30
    ) -> None:
        self.time = datetime.now(UTC)
        self.database = database
        self._url = url
        self.passwords = Passwords()
        cookies = LoginCookies(
            secret_key="s" * 40, ttl=timedelta(days=days), guests=guests, now=lambda: self.time
        )
        self.accounts = Accounts(database=database, cookies=cookies, now=lambda: self.time)
        self.sign_in = SignIn(
            database=database,
            accounts=self.accounts,
            passwords=self.passwords,
            # Nobody's tries are forgotten because a machine is slow.
            throttles=Throttles(MemoryLimits(now=self._seconds)),
            allow_sign_up=sign_up,
            now=lambda: self.time,
        )
        self.tokens = Tokens(
            database=database,
            accounts=self.accounts,
            secret_key="s" * 40,
            ttl=timedelta(hours=1),
            guests=guests,
            now=lambda: self.time,
        )
        self.api_keys = ApiKeys(database=database, accounts=self.accounts, now=lambda: self.time)
        self.bearers = Bearers(tokens=self.tokens, api_keys=self.api_keys)
        self.operating = Operating(database=database, passwords=self.passwords, now=lambda: self.time)

    def _seconds(self) -> float:
        return self.time.timestamp()

    def again(self, **settings: Any) -> "FrontDesk":
        """Another process on the same database, or this one started anew with other settings."""
        return FrontDesk(self.database, self._url, **settings)

    async def came(self, cookie: str) -> Principal:
        """Whom the cookie lets in."""
        principal = await self.accounts.resolve(cookie)
        assert principal is not None
        return principal

    async def is_in(self, cookie: str) -> bool:
        """Whether somebody is signed in by the cookie."""
        principal = await self.accounts.resolve(cookie)
        return principal is not None and await self.accounts.is_current(principal)

    async def opens(self, bearer: str) -> bool:
        """Whether a program is let in by the bearer."""
        principal = await self.bearers.resolve(bearer)
        return principal is not None and await self.accounts.is_current(principal)

    async def guest(self) -> tuple[str, Principal]:
        """Somebody's first visit."""
        cookie = self.accounts.cookies.make()
        return cookie, await self.came(cookie)

    async def register(self, email: str = "ann@example.org", *, by: Principal | None = None) -> Admission:
        """A new member."""
        return await self.sign_in.register(by, email=email, password=PASSWORD, name="Ann", visit=VISIT)

    async def log_in(
        self, email: str = "ann@example.org", password: str = PASSWORD, *, page_of: str = ""
    ) -> Admission:
        """Somebody with a password comes in."""
        visit = replace(VISIT, page_of=page_of)
        return await self.sign_in.log_in(email=email, password=password, visit=visit)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds, asked past the product; `?` stands for a value."""
        return databases.rows(self._url, query, *values)

    def kinds(self) -> list[str]:
        """What was written into the audit log, in order."""
        return [kind for (kind,) in self.rows("SELECT kind FROM security_events ORDER BY id")]

    def bytes_kept(self) -> bytes:
        """Everything in the database."""
        return databases.bytes_kept(self._url)


@pytest.fixture
async def desk(database_url: str) -> AsyncGenerator[FrontDesk]:
    async with opened_database(database_url) as database:
        desk = FrontDesk(database, database_url)
        yield desk
        desk.passwords.close()
