"""Tokens: a guest for an hour, who costs nothing before the first write."""

import asyncio
from datetime import timedelta

import pytest

from chatapp.domain.accounts import AccountKind, HeldBy, Principal
from chatapp.domain.errors import Invalid, NotForKeys, NotSignedIn, SignUpClosed
from chatapp.services.tokens import Issued
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Transaction
from tests.services.front_desk import FrontDesk, desk

__all__ = ["desk"]

LOGINS = "SELECT count(*) FROM logins"


async def whose(desk: FrontDesk, issued: Issued) -> Principal:
    principal = await desk.tokens.resolve(issued.token)
    assert principal is not None
    return principal


async def wrote(desk: FrontDesk, principal: Principal) -> None:
    """What a first send does."""

    def work(transaction: Transaction) -> None:
        AccountRepository(transaction).ensure(principal, at=desk.time)

    await desk.database.write(work)


async def test_a_token_is_a_guest_of_that_name_and_costs_nothing(desk: FrontDesk) -> None:
    issued = desk.tokens.issue("  Ann \u202e Ä. ")
    assert issued.name == "Ann Ä."
    # Its time is in whole seconds.
    assert timedelta(minutes=59) < issued.expires_at - desk.time <= timedelta(hours=1)
    principal = await whose(desk, issued)
    assert (principal.kind, principal.held_by) == (AccountKind.GUEST, HeldBy.TOKEN)
    assert principal.account_id == issued.account_id
    assert (await desk.accounts.account(principal)).name == "Ann Ä."
    assert desk.rows("SELECT * FROM accounts") == desk.rows("SELECT * FROM logins") == []
    await wrote(desk, principal)
    assert desk.rows("SELECT id, name FROM accounts") == [(issued.account_id, "Ann Ä.")]
    assert await desk.opens(issued.token)
    assert issued.token.encode() not in desk.bytes_kept()
    assert issued.token not in repr(issued)


async def test_tokens_of_one_name_are_of_two_guests(desk: FrontDesk) -> None:
    assert desk.tokens.issue("Ann").account_id != desk.tokens.issue("Ann").account_id


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "x" * 81])
async def test_a_name_is_wanted(desk: FrontDesk, name: str) -> None:
    with pytest.raises(Invalid):
        desk.tokens.issue(name)


async def test_it_ends_with_its_time(desk: FrontDesk) -> None:
    issued = desk.tokens.issue("Ann")
    principal = await whose(desk, issued)
    await wrote(desk, principal)
    desk.time -= timedelta(hours=1)  # a host whose clock is behind
    assert await desk.opens(issued.token)
    desk.time = issued.expires_at - timedelta(seconds=1)
    assert await desk.opens(issued.token)
    desk.time = issued.expires_at
    assert await desk.tokens.resolve(issued.token) is None
    assert not await desk.accounts.is_current(principal)


async def test_what_we_did_not_make_opens_nothing(desk: FrontDesk) -> None:
    """Changed anywhere, cut, or what we signed for another purpose."""
    token = desk.tokens.issue("Ann").token
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert await desk.bearers.resolve(changed) is None, place
    cookie, _ = await desk.guest()
    for other in ("", "t1", token[:-1], token + "x", token + "\n", cookie, "chatapp_x", "é" * 50, "\udc80"):
        assert await desk.bearers.resolve(other) is None, other
    assert await desk.accounts.resolve(token) is None
    assert desk.rows(LOGINS) == [(0,)]


async def test_logging_out_ends_it(desk: FrontDesk) -> None:
    """Also one that was never written down: there is no cookie to be cleared."""
    fresh, used = desk.tokens.issue("Ann"), desk.tokens.issue("Bo")
    await wrote(desk, await whose(desk, used))
    for issued in (fresh, used):
        principal = await whose(desk, issued)
        await desk.sign_in.log_out(principal)
        assert await desk.tokens.resolve(issued.token) is None
        assert not await desk.again().opens(issued.token)
        with pytest.raises(NotSignedIn):
            await wrote(desk, principal)


@pytest.mark.parametrize("written", [False, True])
async def test_a_renewed_one_is_the_same_guests(desk: FrontDesk, written: bool) -> None:
    first = desk.tokens.issue("Ann")
    if written:
        await wrote(desk, await whose(desk, first))
    desk.time += timedelta(minutes=50)
    second = await desk.tokens.renew(await whose(desk, first))
    assert (second.account_id, second.name) == (first.account_id, "Ann")
    assert second.expires_at > first.expires_at
    assert await desk.opens(first.token)
    desk.time += timedelta(minutes=20)
    assert not await desk.opens(first.token)
    assert await desk.opens(second.token)
    third = await desk.tokens.renew(await whose(desk, second))
    await desk.sign_in.log_out(await whose(desk, second))
    assert not await desk.opens(second.token)
    assert (await whose(desk, third)).account_id == first.account_id


async def test_two_renewals_at_once_are_two_tokens_of_one_account(desk: FrontDesk) -> None:
    asker = await whose(desk, desk.tokens.issue("Ann"))
    both = await asyncio.gather(desk.tokens.renew(asker), desk.tokens.renew(asker))
    assert {await desk.opens(one.token) for one in both} == {True}
    assert desk.rows("SELECT count(*) FROM accounts") == [(1,)]


async def test_who_came_otherwise_renews_nothing(desk: FrontDesk) -> None:
    _, guest = await desk.guest()
    with pytest.raises(NotForKeys):
        await desk.tokens.renew(guest)
    _, secret = await desk.api_keys.create(guest, "script")
    key = await desk.bearers.resolve(secret)
    assert key is not None
    with pytest.raises(NotForKeys):
        await desk.tokens.renew(key)


async def test_without_guests_there_are_no_tokens(desk: FrontDesk) -> None:
    issued = desk.tokens.issue("Ann")
    closed = desk.again(guests=False)
    assert await closed.tokens.resolve(issued.token) is None
    with pytest.raises(SignUpClosed):
        closed.tokens.issue("Ann")
