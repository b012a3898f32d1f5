"""Admins look after users and replies in flight; nobody else can, and they see nothing that anybody wrote."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chatapp.domain.accounts import AccountKind, Role
from chatapp.domain.errors import Invalid, LastAdmin, NotFound, NotSignedIn, WrongLogin
from chatapp.domain.ids import new_id
from chatapp.services import admin
from tests.chat import Chat, rows
from tests.services.members import PASSWORD, logged_in, registered
from tests.waiting import eventually, until

Call = Callable[[Chat, str, str], Awaitable[Any]]
#: Every call, upon an account and a run.
CALLS: dict[str, Call] = {
    "users": lambda by, _account, _run: by.services.admin.users(by.who),
    "set role": lambda by, account, _: by.services.admin.set_role(by.who, account, Role.ADMIN),
    "set disabled": lambda by, account, _: by.services.admin.set_disabled(by.who, account, True),
    "reset password": lambda by, account, _: by.services.admin.reset_password(by.who, account),
    "delete": lambda by, account, _: by.services.admin.delete(by.who, account),
    "runs": lambda by, _account, _run: by.services.admin.runs(by.who),
    "stop run": lambda by, _, run: by.services.admin.stop_run(by.who, run),
    "events": lambda by, _account, _run: by.services.admin.events(by.who),
}


def everything(chat: Chat) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("accounts", "logins", "conversations", "messages", "runs", "security_events")
    return {table: rows(chat.services.settings, f"SELECT * FROM {table} ORDER BY 1") for table in tables}


def kinds(chat: Chat) -> list[str]:
    return [row[0] for row in rows(chat.services.settings, "SELECT kind FROM security_events ORDER BY id")]


async def names(chat: Chat, search: str = "") -> list[str]:
    page = await chat.services.admin.users(chat.who, search=search)
    return [one.account.name or one.account.email or one.account.kind.value for one in page.users]


def test_every_call_is_tried():
    """One that is added is tried too."""
    from chatapp.services.admin import Admin

    public = {name.replace("_", " ") for name in vars(Admin) if not name.startswith("_")}
    assert public == set(CALLS)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_nobody_else_may(chat: Chat, call: Call):
    """Not a member, not a guest, not who was an admin, not one who is disabled: for them there is nothing
    here, and nothing changes."""
    root = await registered(chat, "root@example.org")
    old, off = await registered(chat, "old@example.org"), await registered(chat, "off@example.org")
    for one in (old, off):
        await root.services.admin.set_role(root.who, one.who.account_id, Role.ADMIN)
    await root.services.admin.set_role(root.who, old.who.account_id, Role.USER)
    await root.services.admin.set_disabled(root.who, off.who.account_id, True)
    ann = await registered(chat, "ann@example.org")
    turn = await ann.send("Long [n:400 r:20]")
    await ann.has_text(turn)
    before = everything(chat)
    for asker in (old, off, ann, chat.of("guest")):
        with pytest.raises(NotFound):
            await call(asker, root.who.account_id, turn.run_id)
    after = everything(chat)
    assert {name: after[name] for name in after if name not in {"messages", "runs"}} == {
        name: before[name] for name in before if name not in {"messages", "runs"}
    }
    assert not (await ann.reply(turn)).status.is_final
    await call(root, ann.who.account_id, turn.run_id)


async def test_users_are_listed_and_found(chat: Chat):
    """The newest first, page by page; whatever the case, and a guest by the beginning of the id."""
    root = await registered(chat, "root@example.org")
    await registered(chat, "a1@example.org", name="Änne Groß")
    await registered(chat, "bob%@example.org")
    guest = chat.of("guest")
    await guest.ended(await guest.send("Hello [n:5]"))
    everybody = ["guest", "bob%@example.org", "Änne Groß", "root@example.org"]
    assert await names(root) == everybody
    for search, found in (
        ("ÄNNE", ["Änne Groß"]),
        ("gross", ["Änne Groß"]),
        ("  A1@", ["Änne Groß"]),
        ("%", ["bob%@example.org"]),
        ("_", []),
        (guest.who.account_id[:12], ["guest"]),
        ("' OR 1=1 --", []),
    ):
        assert await names(root, search) == found, search
    pages, after = list[str](), ""
    while True:
        page = await root.services.admin.users(root.who, limit=1, after=after)
        pages += [one.account.id for one in page.users]
        if not (after := page.after):
            break
    whole = await root.services.admin.users(root.who)
    assert pages == [one.account.id for one in whole.users]
    assert len(set(pages)) == len(everybody)
    for wrong in ("x", "2026-01-01T00:00:00 x"):
        with pytest.raises(Invalid):
            await root.services.admin.users(root.who, after=wrong)


async def test_a_search_goes_through_all_accounts_some_at_a_time(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    """Nobody is left out and nobody is found twice, wherever the pieces end; and pages follow each other."""
    root = await registered(chat, "root@example.org")
    for number in range(7):
        await registered(chat, f"ann{number}@example.org", name="Ann" if number % 2 else "Ben")
    for looked_at in (1, 2, 3, 7, 8, 9):
        monkeypatch.setattr(admin, "LOOKED_AT", looked_at)
        assert await names(root, "nobody") == []
        assert await names(root, "root") == ["root@example.org"]
        assert await names(root, "ann") == ["Ben", "Ann", "Ben", "Ann", "Ben", "Ann", "Ben"]
        first = await root.services.admin.users(root.who, search="BEN", limit=3)
        rest = await root.services.admin.users(root.who, search="BEN", limit=3, after=first.after)
        emails = [one.account.email[:4] for page in (first, rest) for one in page.users]
        assert emails == ["ann6", "ann4", "ann2", "ann0"]
        assert (bool(first.after), rest.after) == (True, "")


async def test_a_user_is_shown_without_anything_they_wrote(chat: Chat):
    """How much there is, and when they were last here."""
    root = await registered(chat, "root@example.org")
    ann = await registered(chat, "ann@example.org")
    for conversation in ("one", "two", "gone"):
        await ann.ended(await ann.send("Hush-hush [n:5]", to=conversation))
    await ann.services.conversations.delete(ann.who, "gone")
    await ann.send("Hush-hush [n:400 r:20]", to="one")
    first = (await root.services.admin.users(root.who)).users[0]
    assert (first.account.email, first.conversations) == ("ann@example.org", 2)
    assert first.last_seen_at is not None
    seen = [
        *(await root.services.admin.users(root.who)).users,
        *await root.services.admin.runs(root.who),
        *await root.services.admin.events(root.who),
    ]
    assert "Hush" not in repr([dataclasses.asdict(one) for one in seen])


async def test_a_role_is_given_and_taken(chat: Chat):
    """It counts within seconds; a guest cannot have it."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    guest = chat.of("guest")
    await guest.ended(await guest.send("Hello [n:5]"))
    with pytest.raises(NotFound):
        await root.services.admin.set_role(root.who, guest.who.account_id, Role.ADMIN)

    async def is_admin(who: Chat) -> bool:
        try:
            await who.services.accounts.require_admin(who.who)
        except NotFound:
            return False
        return True

    async def is_none() -> bool:
        return not await is_admin(root)

    account = await root.services.admin.set_role(root.who, ann.who.account_id, Role.ADMIN)
    assert account.role is Role.ADMIN
    await eventually(lambda: is_admin(ann), seconds=5)
    await ann.services.admin.set_role(ann.who, root.who.account_id, Role.USER)
    await eventually(is_none, seconds=5)
    assert kinds(chat)[-2:] == ["role_changed", "role_changed"]


async def test_the_last_admin_stays_one(chat: Chat):
    """Not demoted, not disabled, not deleted; one who is disabled does not count."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    admin = root.services.admin
    await admin.set_role(root.who, ann.who.account_id, Role.ADMIN)
    await admin.set_disabled(root.who, ann.who.account_id, True)
    before = everything(chat)
    for call in (
        lambda: admin.set_role(root.who, root.who.account_id, Role.USER),
        lambda: admin.set_disabled(root.who, root.who.account_id, True),
        lambda: admin.delete(root.who, root.who.account_id),
    ):
        with pytest.raises(LastAdmin):
            await call()
    assert everything(chat) == before
    await admin.set_disabled(root.who, ann.who.account_id, False)
    await admin.set_role(root.who, root.who.account_id, Role.USER)


async def test_a_disabled_account_can_do_nothing_and_keeps_everything(chat: Chat):
    """Its logins end and its replies stop; enabled again, it logs in and finds what it had."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    turn = await ann.send("Long [n:400 r:20 id:long]", to="c")
    await ann.has_text(turn)
    await root.services.admin.set_disabled(root.who, ann.who.account_id, True)
    await until(lambda: chat.request("long").outcome == "closed")

    async def is_out() -> bool:
        return not await chat.services.accounts.is_current(ann.who)

    await eventually(is_out, seconds=5)
    with pytest.raises(NotSignedIn):
        await ann.send("More", to="c")
    with pytest.raises(WrongLogin):
        await logged_in(chat, "ann@example.org")
    await root.services.admin.set_disabled(root.who, ann.who.account_id, False)
    again = await logged_in(chat, "ann@example.org")
    assert (await again.reply(turn)).text


async def test_a_password_is_reset(chat: Chat):
    """The old one and all logins count no more; a guest has none."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    made = await root.services.admin.reset_password(root.who, ann.who.account_id)
    with pytest.raises(WrongLogin):
        await logged_in(chat, "ann@example.org", password=PASSWORD)
    again = await logged_in(chat, "ann@example.org", password=made)
    assert again.who.account_id == ann.who.account_id
    with pytest.raises(NotSignedIn):
        await ann.send("Hello")
    guest = chat.of("guest")
    await guest.ended(await guest.send("Hello [n:5]"))
    with pytest.raises(NotFound):
        await root.services.admin.reset_password(root.who, guest.who.account_id)
    assert made not in repr(everything(chat))


async def test_a_run_is_seen_and_stopped(chat: Chat):
    """Its text so far stays; what has ended is not there any more."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    turn = await ann.send("Long [n:400 r:20 id:long]")
    await ann.has_text(turn)
    (run,) = await root.services.admin.runs(root.who)
    assert (run.id, run.account.email, run.model) == (turn.run_id, "ann@example.org", "openai:mock")
    await root.services.admin.stop_run(root.who, run.id)
    reply = await ann.ended(turn)
    assert (reply.status, bool(reply.text)) == ("stopped", True)
    assert await root.services.admin.runs(root.who) == ()
    for run_id in (run.id, new_id()):
        with pytest.raises(NotFound):
            await root.services.admin.stop_run(root.who, run_id)


async def test_a_deleted_account_is_gone(chat: Chat):
    """From every list at once, its logins with it; what is not there cannot be changed."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    await ann.ended(await ann.send("Hello [n:5]"))
    admin, account_id = root.services.admin, ann.who.account_id
    await admin.delete(root.who, account_id)
    assert await names(root) == ["root@example.org"]
    assert not await chat.services.accounts.is_current(ann.who)
    for call in (
        lambda: admin.delete(root.who, account_id),
        lambda: admin.set_role(root.who, account_id, Role.ADMIN),
        lambda: admin.set_disabled(root.who, account_id, False),
        lambda: admin.reset_password(root.who, account_id),
        lambda: admin.delete(root.who, new_id()),
    ):
        with pytest.raises(NotFound):
            await call()
    await until(lambda: rows(chat.services.settings, "SELECT count(*) FROM messages") == [(0,)])


async def test_the_audit_log_names_whom_it_can(chat: Chat):
    """The newest first, page by page."""
    root, ann = await registered(chat, "root@example.org"), await registered(chat, "ann@example.org")
    admin = root.services.admin
    await admin.set_disabled(root.who, ann.who.account_id, True, address="192.0.2.7")
    await admin.delete(root.who, ann.who.account_id)
    lines = await admin.events(root.who)
    assert [line.event.kind for line in lines] == ["account_deleted", "disabled", "registered", "registered"]
    assert lines[0].account is None
    assert lines[0].actor is not None
    assert (lines[0].actor.email, lines[1].event.address) == ("root@example.org", "192.0.2.7")
    assert [line.event.id for line in lines[2:]] == [
        line.event.id for line in await admin.events(root.who, limit=2, before=lines[1].event.id)
    ]
    assert lines[3].account is not None
    assert lines[3].account.kind is AccountKind.MEMBER
