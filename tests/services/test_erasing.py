"""The end of an account: at once for whoever is in, and all of it soon after."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chatapp.domain.accounts import Role
from chatapp.domain.errors import LastAdmin, NotSignedIn, TooMany, WrongLogin
from chatapp.domain.feedback import Rating
from chatapp.services.conversations import PURGE_BATCH
from chatapp.settings import Settings
from chatapp.storage.database import Database, Transaction
from chatapp.storage.erasing import ErasureRepository
from tests.chat import Chat, Opening, rows
from tests.services.members import HERE, PASSWORD, registered
from tests.storage.made import lengthened
from tests.waiting import until

#: All tables in which something of an account can be.
THEIRS = (
    "accounts", "logins", "conversations", "messages", "feedback", "usage_days", "runs", "run_events",
    "run_logs", "search_rows",
)  # fmt: skip


def counts(chat: Chat) -> dict[str, int]:
    return {table: rows(chat.services.settings, f"SELECT count(*) FROM {table}")[0][0] for table in THEIRS}


async def changed(settings: Settings, work: Callable[[Transaction], object]) -> None:
    """Does it beside the product."""
    database = Database(settings.database_url)
    try:
        await database.write(work)
    finally:
        await database.close()


async def gone(chat: Chat, account_id: str) -> None:
    """Returns when the account's row, which is the last to go, is gone."""
    query = "SELECT count(*) FROM accounts WHERE id = ?"
    await until(lambda: rows(chat.services.settings, query, account_id) == [(0,)])


async def test_all_that_a_guest_had_is_gone(chat: Chat):
    """Deleted and cleared conversations too; and of others nothing is."""
    ben = chat.of("ben")
    await ben.ended(await ben.send("His [n:5]", to="his"))
    before = counts(chat)
    for name in ("one", "two", "three"):
        turn = await chat.send(f"{name} [n:5]", to=name)
        await chat.ended(turn)
        await chat.services.feedback.give(chat.who, message_id=turn.message_id, value=Rating.GOOD)
    await chat.services.conversations.delete(chat.who, "one")
    await chat.services.conversations.clear(chat.who, "two")
    await chat.services.own_data.delete_account(chat.who, visit=HERE)
    await gone(chat, chat.who.account_id)
    assert counts(chat) == before
    assert len(await ben.messages("his")) == 2


async def test_the_login_ends_first_and_for_good(chat: Chat):
    """Its cookie brings nothing back: not the account, not a row."""
    turn = await chat.send("One [n:5]", to="one")
    await chat.ended(turn)
    await chat.services.own_data.delete_account(chat.who, visit=HERE)
    assert not await chat.services.accounts.is_current(chat.who)
    for call in (
        lambda: chat.send("Again", to="one"),
        lambda: chat.services.own_data.delete_account(chat.who, visit=HERE),
        lambda: chat.services.accounts.account(chat.who),
    ):
        with pytest.raises(NotSignedIn):
            await call()
    await gone(chat, chat.who.account_id)
    with pytest.raises(NotSignedIn):
        await chat.send("Again", to="one")
    assert rows(chat.services.settings, "SELECT count(*) FROM accounts") == [(0,)]


async def test_a_guest_who_never_sent_is_not_written_down_after_it(chat: Chat):
    await chat.services.own_data.delete_account(chat.who, visit=HERE)
    with pytest.raises(NotSignedIn):
        await chat.send("Hello")
    assert rows(chat.services.settings, "SELECT count(*) FROM accounts") == [(0,)]


async def test_what_is_being_made_is_stopped(chat: Chat):
    """Upstream too, and what waits behind it."""
    turn = await chat.send("Long [n:400 r:50 id:long]", to="c")
    await chat.send("Next [n:5]", to="c")
    await chat.has_text(turn, chars=20)
    await chat.services.own_data.delete_account(chat.who, visit=HERE)
    await until(lambda: chat.request("long").outcome == "closed")
    await gone(chat, chat.who.account_id)
    assert counts(chat) == dict.fromkeys(THEIRS, 0)


async def test_a_member_says_the_password(chat: Chat):
    """The wrong one changes nothing. The email is free again at once."""
    await registered(chat, "root@example.org")
    ann = await registered(chat, "ann@example.org")
    for wrong in ("", "wrong-password"):
        with pytest.raises(WrongLogin):
            await ann.services.own_data.delete_account(ann.who, password=wrong, visit=HERE)
    assert await ann.services.accounts.is_current(ann.who)
    await ann.services.own_data.delete_account(ann.who, password=PASSWORD, visit=HERE)
    again = await registered(chat, "ann@example.org")
    assert again.who.account_id != ann.who.account_id
    await gone(chat, ann.who.account_id)
    with pytest.raises(NotSignedIn):
        await ann.send("Hello")


async def test_the_last_admin_stays(chat: Chat):
    """And is told what to do about it."""
    root = await registered(chat, "root@example.org")
    with pytest.raises(LastAdmin, match=r"the only admin.* make somebody else an admin first"):
        await root.services.own_data.delete_account(root.who, password=PASSWORD, visit=HERE)
    ann = await registered(chat, "ann@example.org")
    await root.services.admin.set_role(root.who, ann.who.account_id, Role.ADMIN)
    await root.services.own_data.delete_account(root.who, password=PASSWORD, visit=HERE)
    await gone(chat, root.who.account_id)


async def test_a_password_is_not_guessed_here(chat: Chat):
    """Whoever has somebody's tab has not their password, and may not try thousands."""
    await registered(chat, "root@example.org")
    ann = await registered(chat, "ann@example.org")
    refusals = list[str]()
    for _ in range(12):
        with pytest.raises((WrongLogin, TooMany)) as refused:
            await ann.services.own_data.delete_account(ann.who, password="guess", visit=HERE)
        refusals.append(refused.value.code)
    assert (refusals[0], refusals[-1]) == ("wrong_login", "too_many")
    with pytest.raises(TooMany):
        await ann.services.own_data.delete_account(ann.who, password=PASSWORD, visit=HERE)


async def test_others_write_meanwhile(chat: Chat):
    """However much there is to remove, nobody waits for more than a piece of it."""
    turn = await chat.send("One [n:5]", to="long")
    await chat.ended(turn)
    await changed(chat.services.settings, lambda work: lengthened(work, chat.who, "long", 30 * PURGE_BATCH))
    ben = chat.of("ben")
    await ben.ended(await ben.send("His [n:5]", to="his"))
    await chat.services.own_data.delete_account(chat.who, visit=HERE)
    await until(lambda: counts(chat)["messages"] < 29 * PURGE_BATCH)
    await ben.services.conversations.change(ben.who, "his", title="Meanwhile")
    assert counts(chat)["messages"] > PURGE_BATCH
    await gone(chat, chat.who.account_id)
    assert counts(chat)["messages"] == 2


async def test_it_goes_on_after_a_crash(opening: Opening):
    """What a process had begun to remove is removed at the next start."""
    async with opening() as chat:
        await chat.ended(await chat.send("One [n:5]", to="one"))
        await chat.ended(await chat.send("Two [n:5]", to="two"))
        settings = chat.services.settings

    def begin(transaction: Transaction) -> None:
        """As a process leaves it that dies in the middle."""
        erasure = ErasureRepository(transaction)
        erasure.begin(chat.who.account_id, at=datetime.now(UTC))
        left = erasure.leftover()
        assert left is not None
        erasure.purge(left, most=1)

    await changed(settings, begin)
    async with opening() as chat:
        await gone(chat, chat.who.account_id)
        assert counts(chat) == dict.fromkeys(THEIRS, 0)
