"""Who registers: the first is admin, a guest stays who it is, and an email is somebody's once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from chatapp.domain.accounts import AccountKind, Role
from chatapp.domain.errors import (
    ChatError,
    Conflict,
    EmailTaken,
    Invalid,
    NotFound,
    NotSignedIn,
    SignUpClosed,
    TooMany,
    WeakPassword,
)
from chatapp.services.sign_in import GRACE, Visit
from chatapp.services.throttles import SIGN_UPS
from chatapp.storage.database import Transaction
from chatapp.storage.logins import LoginRepository
from tests.services.front_desk import PASSWORD, VISIT, FrontDesk, desk

__all__ = ["desk"]


async def test_who_registers_is_in_and_known(desk: FrontDesk):
    admission = await desk.register(" Ann@Example.ORG ")
    member = await desk.came(admission.cookie)
    assert member.kind is AccountKind.MEMBER
    assert member.account_id == admission.account.id
    account = await desk.accounts.account(member)
    assert (account.email, account.name, account.disabled) == ("ann@example.org", "Ann", False)


async def test_the_first_member_is_admin_and_no_other(desk: FrontDesk):
    first, second = await desk.register(), await desk.register("bo@example.org")
    assert (first.account.role, second.account.role) == (Role.ADMIN, Role.USER)
    await desk.accounts.require_admin(await desk.came(first.cookie))
    for cookie in (second.cookie, (await desk.guest())[0]):
        with pytest.raises(NotFound):
            await desk.accounts.require_admin(await desk.came(cookie))


async def test_of_many_first_ones_at_once_one_is_admin(desk: FrontDesk):
    emails = [f"p{number}@example.org" for number in range(6)]
    admitted = await asyncio.gather(*(desk.register(email) for email in emails))
    assert [one.account.role for one in admitted].count(Role.ADMIN) == 1


async def test_of_many_with_one_email_one_has_it(desk: FrontDesk):
    """However it is written, and though all asked before the first was there."""
    spelled = ["ann@example.org", "ANN@example.org", " ann@EXAMPLE.org", "ann@example.org"]
    tries = (desk.register(email) for email in spelled)
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, EmailTaken) for one in ended) == len(spelled) - 1
    assert desk.rows("SELECT email FROM accounts") == [("ann@example.org",)]


async def test_a_guest_stays_the_same_account(desk: FrontDesk):
    cookie, guest = await desk.guest()
    admission = await desk.register(by=guest)
    assert admission.account.id == guest.account_id
    # Until the page is sent to its new cookie, it is still on the socket of the old one.
    assert (await desk.came(cookie)).account_id == guest.account_id
    desk.time += GRACE
    assert not await desk.is_in(cookie)
    assert await desk.is_in(admission.cookie)
    assert len(desk.rows("SELECT id FROM accounts")) == 1


async def test_a_guest_s_cookie_does_not_come_back_when_logins_last_longer(desk: FrontDesk):
    """Its ended login is purged when its time is over; who then raises LOGIN_TTL gives that cookie more."""
    cookie, guest = await desk.guest()
    await desk.register(by=guest)
    desk.time += timedelta(days=31)
    await desk.accounts.purge()
    later = desk.again(days=90)
    later.time = desk.time
    assert not await later.is_in(cookie)
    with pytest.raises(NotSignedIn):
        await later.sign_in.rename(guest, "Gus")


async def test_a_guest_registers_once(desk: FrontDesk):
    """Two tabs of one guest, each with another email: one account, one email."""
    _, guest = await desk.guest()
    tries = (desk.register(email, by=guest) for email in ("ann@example.org", "bo@example.org"))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in ended) == 1
    assert len(desk.rows("SELECT id FROM accounts")) == 1


async def test_a_login_that_has_ended_takes_nothing_over(desk: FrontDesk):
    _, guest = await desk.guest()
    await desk.register(by=guest)
    desk.time += GRACE
    with pytest.raises(NotSignedIn):
        await desk.register("mallory@example.org", by=guest)


async def test_sign_up_can_be_closed_but_for_the_first(desk: FrontDesk):
    closed = desk.again(sign_up=False)
    assert await closed.sign_in.sign_up_open()
    assert (await closed.register()).account.role is Role.ADMIN
    assert not await closed.sign_in.sign_up_open()
    with pytest.raises(SignUpClosed):
        await closed.register("bo@example.org")
    # Many who ask while nobody is there yet are not all let in either.
    assert desk.rows("SELECT count(*) FROM accounts") == [(1,)]


async def test_many_first_ones_at_once_are_one_where_sign_up_is_closed(desk: FrontDesk):
    closed = desk.again(sign_up=False)
    tries = (closed.register(f"p{number}@example.org") for number in range(4))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, SignUpClosed) for one in ended) == 3


@pytest.mark.parametrize(
    ("email", "password", "error"),
    [
        ("ann", PASSWORD, Invalid),
        ("ann@", PASSWORD, Invalid),
        ("a b@example.org", PASSWORD, Invalid),
        ("ann@example.org", "short77", WeakPassword),
        ("ann@example.org", "Ann@example.org", WeakPassword),
        ("ann@example.org", "x" * 257, Invalid),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    desk: FrontDesk, email: str, password: str, error: type[ChatError]
):
    with pytest.raises(error):
        await desk.sign_in.register(None, email=email, password=password, visit=VISIT)
    assert desk.rows("SELECT count(*) FROM accounts") == [(0,)]


async def test_accounts_from_one_address_are_throttled(desk: FrontDesk):
    """Those that are refused for another reason count too: asking which emails are taken is one of them."""
    await desk.register()
    for _ in range(SIGN_UPS.burst - 1):
        with pytest.raises(EmailTaken):
            await desk.register()
    with pytest.raises(TooMany):
        await desk.register("bo@example.org")
    elsewhere = Visit(address="198.51.100.1")
    await desk.sign_in.register(None, email="bo@example.org", password=PASSWORD, visit=elsewhere)


async def test_neither_cookie_nor_password_is_in_the_file(desk: FrontDesk):
    """Of a member's cookie, a guest's, and both passwords."""
    cookie, guest = await desk.guest()
    admission = await desk.register(by=guest)
    member = await desk.came(admission.cookie)
    await desk.sign_in.change_password(member, old=PASSWORD, new="another one entirely", visit=VISIT)
    kept = desk.bytes_kept()
    assert member.login_id.encode() in kept
    for secret in (admission.cookie.split(".")[1], cookie.split(".")[1], PASSWORD, "another one entirely"):
        assert secret.encode() not in kept
    assert admission.cookie not in repr(admission)


async def test_where_guests_are_not_let_in_a_first_visit_is_nobody(desk: FrontDesk):
    doors = desk.again(guests=False)
    cookie, visitor = await doors.guest()
    assert visitor.kind is AccountKind.VISITOR
    assert not await doors.is_in(cookie)
    assert await doors.accounts.ended([visitor]) == frozenset()
    for call in (doors.accounts.require, doors.accounts.account, doors.sign_in.logins):
        with pytest.raises(NotSignedIn):
            await call(visitor)
    admission = await doors.register(by=visitor)
    assert admission.account.id != visitor.account_id
    assert not await doors.is_in(cookie)
    assert desk.rows("SELECT count(*) FROM logins") == [(1,)]


async def test_a_guest_is_nobody_where_guests_are_not_let_in(desk: FrontDesk):
    cookie, _ = await desk.guest()
    assert not await desk.again(guests=False).is_in(cookie)


async def test_a_deleted_guest_is_not_made_anew_by_the_cookie(desk: FrontDesk):
    """Its id can be computed from the cookie for ever; so the login is remembered where it is not."""
    cookie, guest = await desk.guest()
    await desk.sign_in.rename(guest, "Gus")
    await desk.database.write(lambda work: keep_and_delete(work, guest.account_id))
    await desk.accounts.purge()
    later = desk.again()
    assert not await later.is_in(cookie)
    assert not await later.accounts.is_current(guest)
    with pytest.raises(NotSignedIn):
        await later.sign_in.rename(guest, "Gus")
    assert desk.rows("SELECT count(*) FROM accounts") == [(0,)]


def keep_and_delete(work: Transaction, account_id: str) -> None:
    LoginRepository(work).keep_ended(account_id)
    work.execute(text("DELETE FROM accounts WHERE id = :id"), {"id": account_id})
