"""Coming in with a password: what is wrong is not told, not by words and not by time; guessing is slowed."""

import asyncio
from datetime import timedelta
from statistics import median
from time import perf_counter

import pytest

from chatapp.domain.errors import ChatError, Invalid, TooMany, WrongLogin
from chatapp.services.sign_in import Visit
from chatapp.services.throttles import BY_ADDRESS, BY_EMAIL
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


@pytest.mark.alone
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
        for number in range(BY_EMAIL.burst):
            error = await refused(desk, email, "wrong password", address=f"2001:db8:{number}::/64")
            assert isinstance(error, WrongLogin)
        error = await refused(desk, email, PASSWORD, address="198.51.100.1")
        assert isinstance(error, TooMany)
        told.add(error.message)
    assert len(told) == 1
    # It waits, and no row is written for those that were not tried.
    assert desk.kinds().count("login_failed") == 2 * BY_EMAIL.burst


async def test_guessing_many_emails_from_one_address_is_slowed(desk: FrontDesk):
    for number in range(BY_ADDRESS.burst):
        assert isinstance(await refused(desk, f"p{number}@example.org", "wrong one"), WrongLogin)
    assert isinstance(await refused(desk, "another@example.org", "wrong one"), TooMany)
    await desk.register()
    await desk.log_in()
    desk.time += BY_ADDRESS.each
    assert isinstance(await refused(desk, "another@example.org", "wrong one"), WrongLogin)
    assert isinstance(await refused(desk, "another@example.org", "wrong one"), TooMany)


async def test_tries_at_once_count_as_tries_one_by_one(desk: FrontDesk):
    """Before the first has failed, the others are counted already."""
    await desk.register()
    errors = await asyncio.gather(
        *(refused(desk, "ann@example.org", "wrong") for _ in range(3 * BY_EMAIL.burst))
    )
    assert sum(isinstance(error, WrongLogin) for error in errors) == BY_EMAIL.burst


async def test_whoever_comes_in_rightly_is_not_slowed(desk: FrontDesk):
    await desk.register()
    for _ in range(BY_EMAIL.burst + 1):
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
    """At another process than the one that gave it. Whoever else tries it takes nothing from anybody."""
    _, guest = await desk.guest()
    _, other = await desk.guest()
    await desk.register()
    elsewhere = desk.again()
    admission = await desk.log_in(page_of=guest.login_id)
    assert await elsewhere.sign_in.redeem(other.login_id, admission.ticket) is None
    redeemed = await elsewhere.sign_in.redeem(guest.login_id, admission.ticket)
    assert redeemed is not None
    assert (redeemed.cookie, redeemed.account) == (admission.cookie, admission.account)
    for process in (desk, elsewhere):
        assert await process.sign_in.redeem(guest.login_id, admission.ticket) is None
    assert await desk.is_in(redeemed.cookie)


async def test_of_many_who_bring_one_ticket_at_once_one_is_let_in(desk: FrontDesk):
    """Each at another process."""
    _, guest = await desk.guest()
    await desk.register()
    ticket = (await desk.log_in(page_of=guest.login_id)).ticket
    tries = (desk.again().sign_in.redeem(guest.login_id, ticket) for _ in range(8))
    assert sum(one is not None for one in await asyncio.gather(*tries)) == 1


async def test_a_ticket_is_over_after_30_seconds(desk: FrontDesk):
    """Counted from the second in which it was made."""
    _, guest = await desk.guest()
    await desk.register()
    desk.time = desk.time.replace(microsecond=0)
    late, early = [(await desk.log_in(page_of=guest.login_id)).ticket for _ in range(2)]
    desk.time += timedelta(seconds=29)
    assert await desk.sign_in.redeem(guest.login_id, early) is not None
    desk.time += timedelta(seconds=1)
    assert await desk.sign_in.redeem(guest.login_id, late) is None


async def test_a_ticket_opens_nothing_that_has_ended_meanwhile(desk: FrontDesk):
    """The login that it is for ends like any other: with the others in the list, or by a new password."""
    member = await desk.came((await desk.register()).cookie)
    _, guest = await desk.guest()
    ticket = (await desk.log_in(page_of=guest.login_id)).ticket
    assert await desk.sign_in.end_other_logins(member) == 1
    assert await desk.sign_in.redeem(guest.login_id, ticket) is None
    ticket = (await desk.log_in(page_of=guest.login_id)).ticket
    await desk.operating.reset("ann@example.org", "made by the operator")
    assert await desk.sign_in.redeem(guest.login_id, ticket) is None


@pytest.mark.parametrize("ticket", ["", "made up", f"{'x' * 43}.0000000000", f"{'x' * 43}.9999999999"])
async def test_what_is_no_ticket_opens_nothing(desk: FrontDesk, ticket: str):
    member = await desk.came((await desk.register()).cookie)
    assert await desk.sign_in.redeem(member.login_id, ticket) is None
    forged = f"{'x' * 43}.{int(desk.time.timestamp())}"
    assert await desk.sign_in.redeem(member.login_id, forged) is None
    assert await desk.accounts.is_current(member)


async def test_a_cookie_that_is_in_use_is_given_to_nobody(desk: FrontDesk):
    """Of a login that came without a ticket there is none, and nobody can make one."""
    admission = await desk.register()
    assert not admission.ticket
    cookies = desk.accounts.cookies
    assert cookies.by_ticket(".".join(admission.cookie.split(".")[1:3]), "") != admission.cookie


async def test_the_login_that_asked_ends_with_its_ticket(desk: FrontDesk):
    """Who comes in gets a new cookie, and the old one opens nothing any more."""
    before = await desk.register()
    member = await desk.came(before.cookie)
    ticket = (await desk.log_in(page_of=member.login_id)).ticket
    admission = await desk.sign_in.redeem(member.login_id, ticket)
    assert admission is not None
    assert await desk.is_in(admission.cookie)
    assert not await desk.is_in(before.cookie)
    assert not await desk.accounts.is_current(member)


async def test_neither_ticket_nor_its_cookie_is_in_the_file(desk: FrontDesk):
    _, guest = await desk.guest()
    await desk.register()
    admission = await desk.log_in(page_of=guest.login_id)
    assert await desk.sign_in.redeem(guest.login_id, admission.ticket) is not None
    kept = desk.bytes_kept()
    for secret in (admission.ticket, admission.ticket.split(".")[0], admission.cookie.split(".")[1]):
        assert secret.encode() not in kept
    assert admission.ticket not in repr(admission)
