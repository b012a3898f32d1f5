"""Accounts and logins on a database file, with a clock that tests turn."""

from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from chatapp.domain.accounts import Principal
from chatapp.services.accounts import Accounts
from chatapp.services.cookies import LoginCookies
from chatapp.services.operating import Operating
from chatapp.services.passwords import Passwords
from chatapp.services.sign_in import Admission, SignIn, Visit
from chatapp.services.throttles import Throttles
from chatapp.storage.database import Database
from tests.storage.made import opened_database

PASSWORD = "correct horse battery"
VISIT = Visit(address="192.0.2.7", agent="Firefox on Linux")


class FrontDesk:
    """Where people come in; its time stands still until a test turns it."""

    def __init__(
        self, database: Database, file: Path, *, guests: bool = True, sign_up: bool = True, days: int = 30
    ) -> None:
        self.time = datetime.now(UTC)
        self.database = database
        self._file = file
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
            throttles=Throttles(now=self._seconds),
            allow_sign_up=sign_up,
            now=lambda: self.time,
        )
        self.operating = Operating(database=database, passwords=self.passwords, now=lambda: self.time)

    def _seconds(self) -> float:
        return self.time.timestamp()

    def again(self, **settings: Any) -> "FrontDesk":
        """Another process on the same file, or this one started anew with other settings."""
        return FrontDesk(self.database, self._file, **settings)

    async def came(self, cookie: str) -> Principal:
        """Whom the cookie lets in."""
        principal = await self.accounts.resolve(cookie)
        assert principal is not None
        return principal

    async def is_in(self, cookie: str) -> bool:
        """Whether somebody is signed in by the cookie."""
        principal = await self.accounts.resolve(cookie)
        return principal is not None and await self.accounts.is_current(principal)

    async def guest(self) -> tuple[str, Principal]:
        """Somebody's first visit."""
        cookie = self.accounts.cookies.make()
        return cookie, await self.came(cookie)

    async def register(self, email: str = "ann@example.org", *, by: Principal | None = None) -> Admission:
        """A new member."""
        return await self.sign_in.register(by, email=email, password=PASSWORD, name="Ann", visit=VISIT)

    async def log_in(self, email: str = "ann@example.org", password: str = PASSWORD) -> Admission:
        """Somebody with a password comes in."""
        return await self.sign_in.log_in(email=email, password=password, visit=VISIT)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the file holds, asked past the product."""
        with closing(connect(self._file)) as connection:
            return connection.execute(query, values).fetchall()

    def kinds(self) -> list[str]:
        """What was written into the audit log, in order."""
        return [kind for (kind,) in self.rows("SELECT kind FROM security_events ORDER BY id")]

    def bytes_kept(self) -> bytes:
        """Everything in the database's files."""
        folder, name = self._file.parent, self._file.name
        return b"".join(file.read_bytes() for file in folder.glob(f"{name}*"))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[FrontDesk]:
    async with opened_database(tmp_path / "chatapp.db") as database:
        desk = FrontDesk(database, tmp_path / "chatapp.db")
        yield desk
        desk.passwords.close()
