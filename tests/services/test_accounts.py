"""Logins are written at the first send, and end everywhere when they are ended."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotSignedIn
from chatapp.services.accounts import Accounts
from chatapp.services.cookies import LoginCookies
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database
from chatapp.storage.migrate import migrate
from tests.databases import bytes_kept


class Desk:
    """Accounts with a clock that tests turn."""

    def __init__(self, database: Database) -> None:
        self.time = datetime(2026, 11, 21, tzinfo=UTC)
        self.database = database
        cookies = LoginCookies(secret_key="s" * 40, ttl=timedelta(days=30), now=lambda: self.time)
        self.accounts = Accounts(database=database, cookies=cookies, now=lambda: self.time)

    async def guest(self) -> tuple[str, Principal]:
        cookie = self.accounts.cookies.make()
        guest = await self.accounts.resolve(cookie)
        assert guest is not None
        return cookie, guest

    async def send(self, guest: Principal) -> None:
        """The part of a send that concerns accounts."""
        await self.database.write(lambda work: AccountRepository(work).ensure(guest, at=self.time))

    async def rows(self) -> tuple[int, int]:
        count = "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM logins)"
        row = await self.database.read(lambda work: work.execute(text(count)).one())
        return row[0], row[1]


@pytest.fixture
async def desk(database_url: str) -> AsyncGenerator[Desk]:
    database = Database(database_url)
    await migrate(database)
    yield Desk(database)
    await database.close()


async def test_a_visit_leaves_no_row(desk: Desk) -> None:
    _, guest = await desk.guest()
    assert await desk.accounts.is_current(guest)
    assert await desk.accounts.resolve("made up") is None
    assert await desk.rows() == (0, 0)


async def test_the_first_send_writes_one_account_and_one_login(desk: Desk) -> None:
    cookie, guest = await desk.guest()
    await desk.send(guest)
    await desk.send(guest)
    assert await desk.rows() == (1, 1)
    assert await desk.accounts.resolve(cookie) == guest


async def test_no_row_holds_the_cookie(desk: Desk, database_url: str) -> None:
    cookie, guest = await desk.guest()
    await desk.send(guest)
    stored = bytes_kept(database_url)
    assert guest.login_id.encode() in stored
    assert cookie.split(".")[1].encode() not in stored


async def is_visitor(desk: Desk, cookie: str, before: Principal) -> bool:
    """Whether the cookie opens nothing any more but the way to the log-in page."""
    found = await desk.accounts.resolve(cookie)
    assert found is not None
    assert not await desk.accounts.is_current(found)
    assert await desk.accounts.ended([found]) == frozenset()
    assert {found.login_id, found.account_id} & {before.login_id, before.account_id} == set()
    return found.kind is AccountKind.VISITOR


async def test_a_revoked_login_is_a_visitor(desk: Desk) -> None:
    """Who can be told that it has ended, and sees nothing of what was kept under it."""
    cookie, guest = await desk.guest()
    await desk.send(guest)
    assert await desk.accounts.is_current(guest)
    assert await desk.accounts.revoke(guest.login_id)
    assert not await desk.accounts.is_current(guest)
    assert await is_visitor(desk, cookie, guest)
    with pytest.raises(NotSignedIn):
        await desk.accounts.require(guest)
    with pytest.raises(NotSignedIn):
        await desk.send(guest)
    assert not await desk.accounts.revoke(guest.login_id)


async def test_another_process_notices(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is at most as old as the cache."""
    _, guest = await desk.guest()
    await desk.send(guest)
    elsewhere = Desk(desk.database).accounts
    now = 1000.0
    monkeypatch.setattr("chatapp.services.accounts.monotonic", lambda: now)
    assert await elsewhere.is_current(guest)
    await desk.accounts.revoke(guest.login_id)
    assert await elsewhere.is_current(guest)
    now += 2.1
    assert not await elsewhere.is_current(guest)


async def test_a_disabled_account_ends_all_its_logins(desk: Desk) -> None:
    cookie, guest = await desk.guest()
    await desk.send(guest)
    statement = text("UPDATE accounts SET disabled_at = '2026-11-21 00:00:00'")
    await desk.database.write(lambda work: work.execute(statement))
    assert await is_visitor(desk, cookie, guest)
    assert not await desk.accounts.is_current(guest)


async def test_time_ends_a_login_without_a_query(desk: Desk) -> None:
    cookie, guest = await desk.guest()
    desk.time += timedelta(days=30)
    assert not await desk.accounts.is_current(guest)
    assert await is_visitor(desk, cookie, guest)


async def test_thousands_are_asked_at_once_and_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("chatapp.services.accounts.monotonic", lambda: now)
    guests = [(await desk.guest())[1] for _ in range(1200)]
    await desk.send(guests[7])
    await desk.accounts.revoke(guests[7].login_id)
    assert await desk.accounts.ended(guests) == {guests[7].login_id}
    now += 3
    await desk.accounts.ended(guests[:1])
    assert len(desk.accounts._known) == 1


async def test_what_a_cookie_names_is_known_without_a_query(desk: Desk) -> None:
    """Calls are counted by it, before anything is asked."""
    cookie, guest = await desk.guest()
    assert desk.accounts.login_id(cookie) == guest.login_id
    for wrong in ("", "made up", cookie + "x"):
        assert desk.accounts.login_id(wrong) is None
    desk.time += timedelta(days=31)
    assert desk.accounts.login_id(cookie) not in {None, guest.login_id}
