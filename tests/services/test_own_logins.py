"""What somebody does with logins of one's own: sees them, ends them, and they end by themselves."""

import asyncio
from datetime import timedelta

import pytest

from chatapp.domain.accounts import AccountKind, Role
from chatapp.domain.errors import Invalid, LastAdmin, NotFound, NotSignedIn, TooMany, WeakPassword, WrongLogin
from chatapp.services.accounts import EVENTS_KEPT, TOUCH_EVERY
from chatapp.services.throttles import BY_EMAIL
from chatapp.storage.logins import IDLE_TTL
from tests.services.front_desk import PASSWORD, VISIT, FrontDesk, desk

__all__ = ["desk"]


async def test_logins_are_listed_the_own_first(desk: FrontDesk):
    first = await desk.came((await desk.register()).cookie)
    desk.time += timedelta(minutes=1)
    second = await desk.came((await desk.log_in()).cookie)
    await desk.register("bo@example.org")
    listed = await desk.sign_in.logins(first)
    assert [(one.id, one.current) for one in listed] == [(first.login_id, True), (second.login_id, False)]
    assert {one.agent for one in listed} == {VISIT.agent}


async def test_a_login_is_listed_when_a_browser_has_it(desk: FrontDesk):
    """Not before its ticket was redeemed, and never when it was not in time."""
    member = await desk.came((await desk.register()).cookie)
    _, guest = await desk.guest()
    lost = await desk.log_in(page_of=guest.login_id)
    desk.time += timedelta(minutes=1)
    fetched = await desk.log_in(page_of=guest.login_id)
    assert [one.id for one in await desk.sign_in.logins(member)] == [member.login_id]
    assert await desk.sign_in.redeem(guest.login_id, fetched.ticket) is not None
    assert await desk.sign_in.redeem(guest.login_id, lost.ticket) is None
    assert len(await desk.sign_in.logins(member)) == 2


async def test_a_login_is_ended_by_its_owner_alone(desk: FrontDesk):
    mine, other = await desk.register(), await desk.log_in()
    bo = await desk.came((await desk.register("bo@example.org")).cookie)
    ann, there = await desk.came(mine.cookie), await desk.came(other.cookie)
    with pytest.raises(NotFound):
        await desk.sign_in.end_login(bo, there.login_id)
    assert await desk.is_in(other.cookie)
    await desk.sign_in.end_login(ann, there.login_id)
    assert not await desk.is_in(other.cookie)
    assert not await desk.accounts.is_current(there)
    with pytest.raises(NotFound):
        await desk.sign_in.end_login(ann, there.login_id)
    assert [one.id for one in await desk.sign_in.logins(ann)] == [ann.login_id]


async def test_all_others_are_ended_at_once(desk: FrontDesk):
    mine = await desk.register()
    others = [await desk.log_in() for _ in range(3)]
    bo = await desk.register("bo@example.org")
    assert await desk.sign_in.end_other_logins(await desk.came(mine.cookie)) == 3
    assert not [one for one in others if await desk.is_in(one.cookie)]
    assert await desk.is_in(mine.cookie)
    assert await desk.is_in(bo.cookie)
    assert await desk.sign_in.end_other_logins(await desk.came(mine.cookie)) == 0


async def test_log_out_ends_the_login_that_asks(desk: FrontDesk):
    mine, other = await desk.register(), await desk.log_in()
    asker = await desk.came(mine.cookie)
    await desk.sign_in.log_out(asker)
    assert not await desk.is_in(mine.cookie)
    assert await desk.is_in(other.cookie)
    await desk.sign_in.log_out(asker)
    assert desk.kinds().count("logged_out") == 1
    with pytest.raises(NotSignedIn):
        await desk.sign_in.logins(asker)


async def test_another_password_ends_all_other_logins(desk: FrontDesk):
    mine, other = await desk.register(), await desk.log_in()
    asker = await desk.came(mine.cookie)
    await desk.sign_in.change_password(asker, old=PASSWORD, new="another one entirely", visit=VISIT)
    assert await desk.is_in(mine.cookie)
    assert not await desk.is_in(other.cookie)
    with pytest.raises(WrongLogin):
        await desk.log_in()
    await desk.log_in(password="another one entirely")


async def test_a_password_is_changed_by_who_knows_it(desk: FrontDesk):
    """A page left open does not give the account away, and guessing there is slowed as well."""
    asker = await desk.came((await desk.register()).cookie)
    with pytest.raises(WeakPassword):
        await desk.sign_in.change_password(asker, old=PASSWORD, new="short", visit=VISIT)
    for _ in range(BY_EMAIL.burst):
        with pytest.raises(WrongLogin, match="old password"):
            await desk.sign_in.change_password(asker, old="wrong", new="another one", visit=VISIT)
    with pytest.raises(TooMany):
        await desk.sign_in.change_password(asker, old=PASSWORD, new="another one", visit=VISIT)
    _, guest = await desk.guest()
    with pytest.raises(Invalid):
        await desk.sign_in.change_password(guest, old=PASSWORD, new="another one", visit=VISIT)


async def test_a_name_is_one_line_that_looks_like_itself(desk: FrontDesk):
    """Guests may have one too; it is theirs when they register with another."""
    _, guest = await desk.guest()
    account = await desk.sign_in.rename(guest, " Ann\u202e\n of\tLondon\u0000 ")
    assert (account.name, account.kind) == ("Ann of London", AccountKind.GUEST)
    assert (await desk.accounts.account(guest)).name == "Ann of London"
    with pytest.raises(Invalid):
        await desk.sign_in.rename(guest, "x" * 81)


async def test_what_is_not_used_ends_and_what_is_used_does_not(desk: FrontDesk):
    used, left = await desk.register(), await desk.log_in()
    asker = await desk.came(used.cookie)
    for _ in range(2):
        desk.time += IDLE_TTL - timedelta(hours=1)
        await desk.accounts.require(asker)
    assert await desk.is_in(used.cookie)
    assert not await desk.is_in(left.cookie)
    assert [one.id for one in await desk.sign_in.logins(asker)] == [asker.login_id]
    desk.time += timedelta(days=30)
    assert not await desk.is_in(used.cookie)


async def test_a_guest_is_not_sent_away_for_being_away(desk: FrontDesk):
    """There would be no way back to what is the guest's."""
    cookie, guest = await desk.guest()
    await desk.sign_in.rename(guest, "Gus")
    desk.time += IDLE_TTL + timedelta(days=1)
    assert await desk.is_in(cookie)


async def test_use_is_written_down_once_in_an_hour(desk: FrontDesk):
    """However many events come, also at once."""
    asker = await desk.came((await desk.register()).cookie)
    seen = "SELECT last_seen_at FROM logins"
    before = desk.rows(seen)
    desk.time += TOUCH_EVERY - timedelta(seconds=1)
    await desk.accounts.require(asker)
    assert desk.rows(seen) == before
    desk.time += timedelta(seconds=1)
    await asyncio.gather(*(desk.accounts.require(asker) for _ in range(20)))
    after = desk.rows(seen)
    assert after != before
    await asyncio.gather(*(desk.accounts.require(asker) for _ in range(20)))
    assert desk.rows(seen) == after
    assert (await desk.sign_in.logins(asker))[0].last_seen_at == desk.time


async def test_a_role_is_looked_up_anew(desk: FrontDesk, monkeypatch: pytest.MonkeyPatch):
    """From another process, within the two seconds for which an answer is believed."""
    now = 1000.0
    monkeypatch.setattr("chatapp.services.accounts.monotonic", lambda: now)
    admin = await desk.came((await desk.register()).cookie)
    with pytest.raises(LastAdmin):
        await desk.operating.set_role("ann@example.org", Role.USER)
    await desk.operating.create(email="bo@example.org", password=PASSWORD, role=Role.ADMIN)
    await desk.accounts.require_admin(admin)
    await desk.operating.set_role("ann@example.org", Role.USER)
    now += 2.1
    with pytest.raises(NotFound):
        await desk.accounts.require_admin(admin)
    with pytest.raises(LastAdmin):
        await desk.operating.set_disabled("bo@example.org", True)


async def test_a_disabled_account_is_out_until_it_is_let_in_again(
    desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
):
    """And then by a new login: the old ones stay ended."""
    now = 1000.0
    monkeypatch.setattr("chatapp.services.accounts.monotonic", lambda: now)
    await desk.register()
    bo = await desk.register("bo@example.org")
    asker = await desk.came(bo.cookie)
    await desk.operating.set_disabled("bo@example.org", True)
    now += 2.1
    assert not await desk.accounts.is_current(asker)
    assert await desk.accounts.ended([asker]) == {asker.login_id}
    with pytest.raises(WrongLogin):
        await desk.log_in("bo@example.org")
    await desk.operating.set_disabled("bo@example.org", False)
    assert not await desk.is_in(bo.cookie)
    assert await desk.is_in((await desk.log_in("bo@example.org")).cookie)


async def test_a_reset_password_ends_all_logins(desk: FrontDesk):
    ann = await desk.register()
    await desk.operating.reset("ANN@example.org", "made by the operator")
    assert not await desk.is_in(ann.cookie)
    assert await desk.is_in((await desk.log_in(password="made by the operator")).cookie)


async def test_what_happened_is_in_the_audit_log_and_nothing_else(desk: FrontDesk):
    """Who, whom, when and from where; what somebody typed is not there."""
    cookie = (await desk.register()).cookie
    asker = await desk.came(cookie)
    for email in ("ann@example.org", "my-secret-pass@example.org"):
        with pytest.raises(WrongLogin):
            await desk.log_in(email, "not this one")
    await desk.log_in()
    other = await desk.came((await desk.log_in()).cookie)
    await desk.sign_in.end_login(asker, other.login_id, address="192.0.2.8")
    await desk.sign_in.end_other_logins(asker, address="192.0.2.9")
    await desk.sign_in.change_password(asker, old=PASSWORD, new="another one entirely", visit=VISIT)
    await desk.sign_in.log_out(asker, address="192.0.2.10")
    await desk.operating.reset("ann@example.org", "made by the operator")
    ann = asker.account_id
    assert desk.rows("SELECT kind, account_id, actor_id, address FROM security_events ORDER BY id") == [
        ("registered", ann, ann, VISIT.address),
        ("login_failed", ann, "", VISIT.address),
        ("login_failed", "", "", VISIT.address),
        ("logged_in", ann, ann, VISIT.address),
        ("logged_in", ann, ann, VISIT.address),
        ("login_ended", ann, ann, "192.0.2.8"),
        ("other_logins_ended", ann, ann, "192.0.2.9"),
        ("password_changed", ann, ann, VISIT.address),
        ("logged_out", ann, ann, "192.0.2.10"),
        ("password_reset", ann, "operator", ""),
    ]
    assert b"my-secret-pass" not in desk.bytes_kept()


async def test_what_is_over_is_purged(desk: FrontDesk):
    """Logins when their cookies are over, the audit log after its time; the rest stays."""
    await desk.register()
    assert await desk.accounts.purge() == 0
    desk.time += timedelta(days=30, seconds=1)
    kept = await desk.log_in()
    assert await desk.accounts.purge() == 1
    assert await desk.is_in(kept.cookie)
    desk.time += EVENTS_KEPT + timedelta(seconds=1)
    await desk.accounts.purge()
    assert desk.rows("SELECT (SELECT count(*) FROM security_events), (SELECT count(*) FROM logins)") == [
        (0, 0)
    ]
    assert desk.rows("SELECT email FROM accounts") == [("ann@example.org",)]
