"""Coming in with a password: what is wrong is not told, not by words and not by time; guessing is slowed."""

import asyncio
from datetime import timedelta
from statistics import median
from time import perf_counter

import pytest

from chatapp.domain.errors import ChatError, Invalid, TooMany, WrongLogin
from chatapp.services.sign_in import Visit
from chatapp.services.throttles import ADDRESS_BURST, ADDRESS_SECONDS, EMAIL_BURST
from chatapp.services.tickets import Tickets
from tests.services.front_desk import PASSWORD, VISIT, FrontDesk, desk

__all__ = ["desk"]


async def test_the_password_lets_in(desk: FrontDesk):
    """From a second browser, with the email as somebody writes it: the same account, another login."""
    first = await desk.register()
    second = await desk.log_in(" ANN@example.org")
    here, there = await desk.came(first.cookie), await desk.came(second.cookie)
    assert here.account_id == there.account_id
    assert here.login_id != there.login_id
    assert second.account == first.account


async def test_characters_that_look_the_same_are_the_same(desk: FrontDesk):
    """An ü can be typed as one character or as two, depending on the keyboard."""
    await desk.sign_in.register(None, email="ann@example.org", password="pr\u00fcfung 1", visit=VISIT)
    await desk.log_in(password="pru\u0308fung 1")


async def refused(desk: FrontDesk, email: str, password: str, *, address: str = "203.0.113.9") -> ChatError:
    with pytest.raises(ChatError) as caught:
        await desk.sign_in.log_in(email=email, password=password, visit=Visit(address=address))
    return caught.value


async def test_every_wrong_login_is_told_the_same(desk: FrontDesk):
    """A wrong password, an unknown email, a disabled account, and one who has no right to be known."""
    await desk.register()
    await desk.register("bo@example.org")
    await desk.operating.set_disabled("bo@example.org", True)
    told = {
        (type(error), error.message, error.code)
        for error in [
            await refused(desk, "ann@example.org", "wrong password"),
            await refused(desk, "nobody@example.org", "wrong password"),
            await refused(desk, "bo@example.org", PASSWORD),
            await refused(desk, "bo@example.org", "wrong password"),
        ]
    }
    assert told == {(WrongLogin, "The email or the password is wrong. Please try again.", "wrong_login")}


async def test_every_wrong_login_takes_the_same_time(desk: FrontDesk):
    """Measured in turns, so that a machine which grows busy is busy for all; the median of several.

    Without a hash for who is not there the ratio would be about ten.
    """
    await desk.register()
    await desk.register("bo@example.org")
    await desk.operating.set_disabled("bo@example.org", True)
    emails = ("ann@example.org", "nobody@example.org", "bo@example.org")
    times: dict[str, list[float]] = {email: [] for email in emails}
    for number in range(9):
        for email in emails:
            began = perf_counter()
            await refused(desk, email, PASSWORD + "?", address=f"203.0.113.{number}")
            times[email].append(perf_counter() - began)
    medians = [median(taken) for taken in times.values()]
    assert max(medians) < 2.5 * min(medians), times


async def test_guessing_one_email_is_slowed_from_any_address(desk: FrontDesk):
    """Also with the right password: what is throttled says nothing, about whether there is such an account
    least of all."""
    await desk.register()
    told = set[str]()
    for email in ("ann@example.org", "nobody@example.org"):
        for number in range(EMAIL_BURST):
            error = await refused(desk, email, "wrong password", address=f"2001:db8:{number}::/64")
            assert isinstance(error, WrongLogin)
        error = await refused(desk, email, PASSWORD, address="198.51.100.1")
        assert isinstance(error, TooMany)
        told.add(error.message)
    assert len(told) == 1
    # It waits, and no row is written for those that were not tried.
    assert desk.kinds().count("login_failed") == 2 * EMAIL_BURST


async def test_guessing_many_emails_from_one_address_is_slowed(desk: FrontDesk):
    for number in range(ADDRESS_BURST):
        assert isinstance(await refused(desk, f"p{number}@example.org", "wrong one"), WrongLogin)
    assert isinstance(await refused(desk, "another@example.org", "wrong one"), TooMany)
    await desk.register()
    await desk.log_in()
    desk.time += timedelta(seconds=ADDRESS_SECONDS)
    assert isinstance(await refused(desk, "another@example.org", "wrong one"), WrongLogin)
    assert isinstance(await refused(desk, "another@example.org", "wrong one"), TooMany)


async def test_tries_at_once_count_as_tries_one_by_one(desk: FrontDesk):
    """Before the first has failed, the others are counted already."""
    await desk.register()
    errors = await asyncio.gather(
        *(refused(desk, "ann@example.org", "wrong") for _ in range(3 * EMAIL_BURST))
    )
    assert sum(isinstance(error, WrongLogin) for error in errors) == EMAIL_BURST


async def test_whoever_comes_in_rightly_is_not_slowed(desk: FrontDesk):
    await desk.register()
    for _ in range(EMAIL_BURST + 1):
        await desk.log_in()


async def test_what_is_no_password_is_not_hashed(desk: FrontDesk):
    assert isinstance(await refused(desk, "ann@example.org", "x" * 1_000_000), Invalid)
    assert isinstance(await refused(desk, "x" * 1_000_000, "wrong"), Invalid)


async def test_more_hashes_than_a_machine_can_make_are_refused(desk: FrontDesk):
    """From as many addresses as one likes: the others are told to come again, and memory stays as it is."""
    tries = (refused(desk, f"p{number}@example.org", "wrong", address=f"{number}") for number in range(200))
    errors = await asyncio.gather(*tries)
    assert {type(error) for error in errors} == {WrongLogin, TooMany}


async def test_a_password_that_changes_meanwhile_lets_nobody_in(desk: FrontDesk):
    """Checked against the old one, and written after the new one: the login would outlive the change."""
    member = await desk.came((await desk.register()).cookie)
    change = desk.sign_in.change_password(member, old=PASSWORD, new="another one entirely", visit=VISIT)
    ended = await asyncio.gather(change, *(desk.log_in() for _ in range(6)), return_exceptions=True)
    cookies = [one.cookie for one in ended if not isinstance(one, BaseException) and one is not None]
    assert not [cookie for cookie in cookies if await desk.is_in(cookie)]


async def test_a_ticket_is_good_once_for_the_browser_that_asked(desk: FrontDesk):
    _, guest = await desk.guest()
    _, other = await desk.guest()
    admission = await desk.register(by=guest)
    ticket = desk.sign_in.ticket(guest, admission)
    assert await desk.sign_in.redeem(guest.login_id, ticket) == admission
    assert await desk.sign_in.redeem(guest.login_id, ticket) is None
    stolen = desk.sign_in.ticket(guest, admission)
    assert await desk.sign_in.redeem(other.login_id, stolen) is None
    assert await desk.sign_in.redeem(guest.login_id, stolen) is None
    assert await desk.sign_in.redeem(guest.login_id, "made up") is None


async def test_the_login_that_asked_ends_with_its_ticket(desk: FrontDesk):
    """Who comes in gets a new cookie, and the old one opens nothing any more."""
    before = await desk.register()
    member = await desk.came(before.cookie)
    ticket = desk.sign_in.ticket(member, await desk.log_in())
    admission = await desk.sign_in.redeem(member.login_id, ticket)
    assert admission is not None
    assert await desk.is_in(admission.cookie)
    assert not await desk.is_in(before.cookie)
    assert not await desk.accounts.is_current(member)


def test_tickets_end_soon_and_do_not_pile_up():
    time = 0.0
    tickets = Tickets[str](now=lambda: time)
    ticket = tickets.issue("login", "content")
    time = 29.9
    again = tickets.issue("login", "content")
    time = 30
    assert tickets.redeem("login", ticket) is None
    assert tickets.redeem("login", again) == "content"
    first = tickets.issue("login", "first")
    for _ in range(1_000):
        tickets.issue("login", "content")
    assert len(tickets) == 1_000
    assert tickets.redeem("login", first) is None
    time = 100
    tickets.issue("login", "content")
    assert len(tickets) == 1
