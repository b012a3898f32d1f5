"""API keys: shown once, kept as a hash, gone when their owner says so."""

from datetime import timedelta

import pytest

from chatapp.domain.accounts import AccountKind, HeldBy, Principal
from chatapp.domain.errors import Invalid, NotForKeys, NotFound, NotSignedIn
from chatapp.services.api_keys import MAX_KEYS
from chatapp.storage.api_keys import NEVER
from chatapp.storage.erasing import ErasureRepository, Leftover
from tests.services.front_desk import PASSWORD, VISIT, FrontDesk, desk

__all__ = ["desk"]


async def member(desk: FrontDesk, email: str = "ann@example.org") -> Principal:
    return await desk.came((await desk.register(email)).cookie)


async def test_a_key_is_its_owner(desk: FrontDesk) -> None:
    for owner in (await member(desk), (await desk.guest())[1]):
        key, secret = await desk.api_keys.create(owner, "  my script ")
        asker = await desk.bearers.resolve(secret)
        assert asker is not None
        assert (asker.account_id, asker.kind) == (owner.account_id, owner.kind)
        assert (asker.held_by, asker.login_id, asker.expires_at) == (HeldBy.KEY, key.id, NEVER)
        assert await desk.accounts.is_current(asker)
        assert await desk.again().opens(secret)
        assert (key.name, key.expires_at, key.last_used_at) == ("my script", None, None)


async def test_nothing_kept_opens_anything(desk: FrontDesk) -> None:
    _, secret = await desk.api_keys.create(await member(desk), "script")
    assert secret.startswith("chatapp_")
    assert secret.removeprefix("chatapp_").encode() not in desk.bytes_kept()
    for value in (value for row in desk.rows("SELECT * FROM logins") for value in row):
        assert not await desk.opens(str(value))
        assert not await desk.opens(f"chatapp_{value}")


async def test_a_login_is_no_key(desk: FrontDesk) -> None:
    """Whatever somebody finds that has the hash of a browser's login: only keys are looked up by it."""
    admission = await desk.register()
    assert not await desk.opens(admission.cookie)
    assert not await desk.opens(f"chatapp_{admission.cookie}")


async def test_they_are_listed_with_their_last_use(desk: FrontDesk) -> None:
    ann, bo = await member(desk), await member(desk, "bo@example.org")
    old, _ = await desk.api_keys.create(ann, "old")
    desk.time += timedelta(minutes=1)
    new, secret = await desk.api_keys.create(ann, "new", expires_at=desk.time + timedelta(days=30))
    assert list(await desk.api_keys.listed(ann)) == [new, old]
    assert list(await desk.api_keys.listed(bo)) == []
    used = desk.time
    assert await desk.opens(secret)
    desk.time += timedelta(seconds=50)
    assert await desk.opens(secret)
    assert (await desk.api_keys.listed(ann))[0].last_used_at == used
    desk.time += timedelta(seconds=11)
    assert await desk.opens(secret)
    assert (await desk.api_keys.listed(ann))[0].last_used_at == desk.time
    # Nobody lists a key among the browsers that are signed in.
    assert [one.current for one in await desk.sign_in.logins(ann)] == [True]


async def test_revoked_is_over_at_once(desk: FrontDesk) -> None:
    ann, bo = await member(desk), await member(desk, "bo@example.org")
    key, secret = await desk.api_keys.create(ann, "script")
    asker = await desk.bearers.resolve(secret)
    assert asker is not None
    with pytest.raises(NotFound):
        await desk.api_keys.revoke(bo, key.id)
    with pytest.raises(NotFound):
        await desk.api_keys.revoke(ann, ann.login_id)
    assert await desk.opens(secret)
    await desk.api_keys.revoke(ann, key.id)
    assert not await desk.opens(secret)
    assert await desk.accounts.ended([asker]) == {key.id}
    assert list(await desk.api_keys.listed(ann)) == []
    with pytest.raises(NotFound):
        await desk.api_keys.revoke(ann, key.id)
    assert desk.kinds()[-2:] == ["api_key_made", "api_key_revoked"]


async def test_its_time_and_not_its_rest_ends_it(desk: FrontDesk) -> None:
    ann = await member(desk)
    _, short = await desk.api_keys.create(ann, "short", expires_at=desk.time + timedelta(days=100))
    _, long = await desk.api_keys.create(ann, "long")
    desk.time += timedelta(days=99)
    assert await desk.opens(short)
    desk.time += timedelta(days=1)
    assert not await desk.opens(short)
    desk.time += timedelta(days=5_000)
    assert await desk.opens(long)


async def test_what_a_key_is_called_and_how_many_there_are(desk: FrontDesk) -> None:
    ann = await member(desk)
    for name in ("", " ", "x" * 81):
        with pytest.raises(Invalid):
            await desk.api_keys.create(ann, name)
    with pytest.raises(Invalid):
        await desk.api_keys.create(ann, "late", expires_at=desk.time)
    for number in range(MAX_KEYS):
        key, _ = await desk.api_keys.create(ann, f"key {number}")
    with pytest.raises(Invalid):
        await desk.api_keys.create(ann, "one more")
    await desk.api_keys.revoke(ann, key.id)
    await desk.api_keys.create(ann, "one more")


async def test_a_key_neither_makes_keys_nor_logs_out(desk: FrontDesk) -> None:
    _, secret = await desk.api_keys.create(await member(desk), "script")
    asker = await desk.bearers.resolve(secret)
    assert asker is not None
    with pytest.raises(NotForKeys):
        await desk.api_keys.create(asker, "another")
    with pytest.raises(NotForKeys):
        await desk.sign_in.log_out(asker)
    assert await desk.opens(secret)


async def test_a_guests_keys_stay_when_the_guest_registers(desk: FrontDesk) -> None:
    _, guest = await desk.guest()
    _, secret = await desk.api_keys.create(guest, "script")
    await desk.register(by=guest)
    asker = await desk.bearers.resolve(secret)
    assert asker is not None
    assert (asker.account_id, asker.kind) == (guest.account_id, AccountKind.MEMBER)


async def test_keys_outlast_a_change_of_the_password_and_logins(desk: FrontDesk) -> None:
    """The owner sees them on the page, and revokes those that are to go."""
    ann = await member(desk)
    _, secret = await desk.api_keys.create(ann, "script")
    await desk.sign_in.change_password(ann, old=PASSWORD, new="another password", visit=VISIT)
    await desk.sign_in.end_other_logins(ann)
    await desk.sign_in.log_out(ann)
    assert await desk.opens(secret)


@pytest.mark.parametrize("how", ["disabled", "password reset"])
async def test_what_an_operator_does_to_an_account_ends_its_keys(desk: FrontDesk, how: str) -> None:
    await member(desk, "admin@example.org")
    ann = await member(desk)
    _, secret = await desk.api_keys.create(ann, "script")
    if how == "disabled":
        await desk.operating.set_disabled("ann@example.org", True)
        assert not await desk.opens(secret)
        await desk.operating.set_disabled("ann@example.org", False)
    else:
        await desk.operating.reset("ann@example.org", "another password")
    assert not await desk.opens(secret)


@pytest.mark.parametrize("kind", ["guest", "member"])
async def test_a_deleted_accounts_keys_are_gone_and_bring_nothing_back(desk: FrontDesk, kind: str) -> None:
    await member(desk, "admin@example.org")
    owner = await member(desk) if kind == "member" else (await desk.guest())[1]
    _, secret = await desk.api_keys.create(owner, "script")
    asker = await desk.bearers.resolve(secret)
    assert asker is not None
    await desk.database.write(lambda work: ErasureRepository(work).begin(owner.account_id, at=desk.time))
    gone = Leftover(owner.account_id)
    await desk.database.write(lambda work: ErasureRepository(work).purge(gone, most=10))
    desk = desk.again()
    assert not await desk.opens(secret)
    assert not await desk.accounts.is_current(asker)
    with pytest.raises(NotSignedIn):
        await desk.sign_in.rename(asker, "Again")
