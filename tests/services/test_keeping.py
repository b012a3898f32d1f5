"""Keeping order: lists, titles, pins, the archive; deleting and clearing, with a way back."""

from datetime import UTC, datetime, timedelta

import pytest

from chatapp.domain.conversations import Listing
from chatapp.domain.errors import Conflict, Invalid, NotFound
from chatapp.domain.messages import Status
from chatapp.domain.runs import Turn
from chatapp.services.conversations import UNDO_WINDOW
from chatapp.services.following import TreeChanged
from tests import databases
from tests.chat import Chat, rows
from tests.upstream import text
from tests.waiting import until


async def said(chat: Chat, *titles: str) -> list[Turn]:
    """Conversations with these titles, one after another, each with its reply."""
    turns: list[Turn] = []
    for title in titles:
        turns.append(await chat.send(title, to=title))
        await chat.ended(turns[-1])
    return turns


def ids(listing: Listing) -> list[str]:
    return [one.conversation.id for one in listing.items]


async def shown(chat: Chat, *, archived: bool = False) -> list[str]:
    return ids(await chat.services.conversations.listing(chat.who, archived=archived))


def later() -> datetime:
    return datetime.now(UTC) + UNDO_WINDOW + timedelta(seconds=1)


async def test_the_list_has_pinned_ones_first_then_the_last_used(chat: Chat):
    """Archived ones are apart, and come back by the next message or by hand."""
    keep = chat.services.conversations
    await said(chat, "a", "b", "c", "d")
    assert await shown(chat) == ["d", "c", "b", "a"]
    await keep.change(chat.who, "b", pinned=True)
    await keep.change(chat.who, "c", archived=True)
    assert await shown(chat) == ["b", "d", "a"]
    assert await shown(chat, archived=True) == ["c"]
    await chat.ended(await chat.send("Again", to="a"))
    assert await shown(chat) == ["b", "a", "d"]
    await keep.change(chat.who, "b", pinned=False)
    assert await shown(chat) == ["a", "d", "b"]
    await chat.ended(await chat.send("Again", to="c"))
    assert await shown(chat) == ["c", "a", "d", "b"]
    first = await keep.listing(chat.who, limit=3)
    assert (ids(first), first.has_more) == (["c", "a", "d"], True)
    assert not (await keep.listing(chat.who, limit=4)).has_more


async def test_the_list_says_where_a_reply_is_being_made(chat: Chat):
    """From the send on, while it waits too, until its end."""
    await said(chat, "quiet")
    turn = await chat.send("Talk [n:20 fault:hang at:10]", to="busy")

    async def generating() -> list[bool]:
        return [one.generating for one in (await chat.services.conversations.listing(chat.who)).items]

    assert await generating() == [True, False]
    await chat.stop(turn)
    await chat.ended(turn)
    assert await generating() == [False, False]


async def test_a_title_is_one_line_and_not_too_long(chat: Chat):
    """Spaces and breaks are one space, what cannot be kept goes, the rest is kept as it is."""
    await said(chat, "a")
    for title, kept in (
        ("  Plans\n for\t2027 ", "Plans for 2027"),
        ("<b>\u202e*x*\x00\ud800", "<b>\u202e*x*\ufffd"),
        ("x" * 500, "x" * 120),
    ):
        await chat.services.conversations.change(chat.who, "a", title=title)
        (listed,) = (await chat.services.conversations.listing(chat.who)).items
        assert listed.conversation.title == kept
    for nothing in ("", " \n", "\x00"):
        with pytest.raises(Invalid):
            await chat.services.conversations.change(chat.who, "a", title=nothing)


async def test_every_change_is_told_to_the_list_and_to_the_conversation(chat: Chat):
    """Other tabs follow: whoever shows it, and whoever shows the list."""
    keep = chat.services.conversations
    await said(chat, "a")
    changes = {
        "rename": lambda: keep.change(chat.who, "a", title="A"),
        "pin": lambda: keep.change(chat.who, "a", pinned=True),
        "archive": lambda: keep.change(chat.who, "a", archived=True),
        "clear": lambda: keep.clear(chat.who, "a"),
        "delete": lambda: keep.delete(chat.who, "a"),
        "restore": lambda: keep.restore(chat.who, "a"),
    }
    here: list[object] = []
    listed: list[object] = []
    watches = [
        await chat.services.following.watch(chat.who, "a", here.append),
        chat.services.following.watch_list(chat.who, listed.append),
    ]
    for name, change in changes.items():
        here.clear()
        listed.clear()
        await change()
        assert here == listed == [TreeChanged()], name
    for watch in watches:
        watch.close()


async def test_a_deleted_conversation_is_gone_at_once_and_comes_back_whole(chat: Chat):
    """No call finds it or its messages; undone, it is as it was, title and pin and place too."""
    keep = chat.services.conversations
    gone, kept = await said(chat, "gone", "kept")
    await keep.change(chat.who, "gone", pinned=True)
    before = await keep.window(chat.who, "gone")
    await keep.delete(chat.who, "gone")
    assert await shown(chat) == ["kept"]
    for call in (
        lambda: keep.window(chat.who, "gone"),
        lambda: keep.show_version(chat.who, gone.message_id),
        lambda: keep.change(chat.who, "gone", title="x"),
        lambda: keep.delete(chat.who, "gone"),
        lambda: chat.stop(gone),
        lambda: chat.services.following.watch(chat.who, "gone", print),
        lambda: chat.services.turns.regenerate(chat.who, message_id=gone.message_id, client_key="k"),
        lambda: chat.services.turns.edit(chat.who, message_id=gone.user_message_id, text="x", client_key="k"),
    ):
        with pytest.raises(NotFound):
            await call()
    await keep.restore(chat.who, "gone")
    await keep.restore(chat.who, "gone")
    assert await keep.window(chat.who, "gone") == before
    assert await shown(chat) == ["gone", "kept"]
    assert (await chat.messages(kept))[1].text


async def test_deleting_stops_what_is_made_and_what_waits(chat: Chat):
    """Upstream too; and had back, the text so far is there."""
    first = await chat.send("Long [n:400 r:100 id:long]", to="c")
    second = await chat.send("Next [n:5]", to="c")
    await chat.has_text(first, chars=30)
    await chat.services.conversations.delete(chat.who, "c")
    await until(lambda: chat.request("long").outcome == "closed")
    await until(lambda: rows(chat.services.settings, "SELECT DISTINCT status FROM runs") == [("stopped",)])
    await chat.services.conversations.restore(chat.who, "c")
    assert [one.status for one in await chat.messages("c")][1::2] == [Status.STOPPED, Status.STOPPED]
    assert text(400).startswith((await chat.reply(first)).text)
    assert (await chat.reply(second)).text == ""


async def test_what_was_deleted_is_purged_after_a_while(chat: Chat):
    """Not before; then all of it, and nothing else; and there is no way back."""
    keep = chat.services.conversations
    await said(chat, "gone", "cleared", "kept")
    await keep.delete(chat.who, "gone")
    token = await keep.clear(chat.who, "cleared")
    assert await keep.purge() == 0
    assert await keep.purge(now=later()) == 2
    settings = chat.services.settings
    assert rows(settings, "SELECT id FROM conversations ORDER BY id") == [("cleared",), ("kept",)]
    for table, count in (("messages", 2), ("runs", 1), ("run_logs", 1), ("run_events", 0)):
        assert rows(settings, f"SELECT count(*) FROM {table}") == [(count,)], table
    with pytest.raises(NotFound):
        await keep.restore(chat.who, "gone")
    with pytest.raises(NotFound):
        await keep.unclear(chat.who, "cleared", token)
    assert len(await chat.messages("kept")) == 2


async def test_what_is_about_to_be_purged_does_not_come_back_in_part(chat: Chat):
    """A long conversation is purged in pieces, so that others can write in between: it is gone as a whole as
    soon as its time is over, whether the purge has come or not."""
    keep = chat.services.conversations
    await said(chat, "gone", "cleared")
    await keep.delete(chat.who, "gone")
    token = await keep.clear(chat.who, "cleared")
    then = (datetime.now(UTC) - timedelta(seconds=301)).strftime("%Y-%m-%d %H:%M:%S.%f")
    past = f"UPDATE conversations SET deleted_at = '{then}' WHERE deleted_at IS NOT NULL"
    databases.change(chat.services.settings.database_url, past)
    with pytest.raises(NotFound):
        await keep.restore(chat.who, "gone")
    with pytest.raises(NotFound):
        await keep.unclear(chat.who, "cleared", token)


async def test_what_is_just_being_stopped_is_not_purged(chat: Chat):
    """Its reply still writes its end; it goes the next time."""
    turn = await chat.send("Long [n:400 r:100]", to="c")
    await chat.has_text(turn)
    settings = chat.services.settings
    await chat.services.conversations.delete(chat.who, "c")
    purged = await chat.services.conversations.purge(now=later())
    await until(lambda: rows(settings, "SELECT 1 FROM runs WHERE ended_at IS NULL") == [])
    assert purged + await chat.services.conversations.purge(now=later()) == 1
    assert rows(settings, "SELECT id FROM conversations") == []


async def test_a_deleted_id_can_be_used_again_and_shows_nothing_of_before(chat: Chat):
    """The new conversation is another one; the old one has lost its place, and is purged in its time."""
    keep = chat.services.conversations
    (old,) = await said(chat, "c")
    await keep.change(chat.who, "c", title="Old title")
    await keep.change(chat.who, "c", pinned=True)
    await keep.delete(chat.who, "c")
    new = await chat.send("New [n:5]", to="c")
    await chat.ended(new)
    assert [one.id for one in await chat.messages("c")] == [new.user_message_id, new.message_id]
    (listed,) = (await keep.listing(chat.who)).items
    assert (listed.conversation.title, listed.conversation.pinned) == ("New [n:5]", False)
    assert (await keep.window(chat.who, "c")).versions == {}
    with pytest.raises(Conflict):
        await keep.restore(chat.who, "c")
    with pytest.raises(NotFound):
        await keep.show_version(chat.who, old.message_id)
    assert await keep.purge(now=later()) == 1
    assert len(await chat.messages("c")) == 2


async def test_a_watch_goes_on_through_deletion_and_a_new_beginning(chat: Chat):
    """A tab that shows the id hears of the new replies, not of silence."""
    await said(chat, "c")
    heard: list[str] = []
    watch = await chat.services.following.watch(chat.who, "c", lambda notice: heard.append(notice.kind))
    await chat.services.conversations.delete(chat.who, "c")
    await chat.ended(await chat.send("New [n:5]", to="c"))
    assert "progress" in heard
    heard.clear()
    await chat.services.conversations.clear(chat.who, "c")
    await chat.ended(await chat.send("Newer [n:5]", to="c"))
    watch.close()
    assert "progress" in heard


async def test_clearing_empties_a_conversation_and_can_be_undone(chat: Chat):
    """Id, title and pin stay; undone, every message is back, and the reply that was made is stopped."""
    keep = chat.services.conversations
    await said(chat, "c")
    await keep.change(chat.who, "c", pinned=True)
    turn = await chat.send("Long [n:400 r:100 id:long]", to="c")
    await chat.has_text(turn)
    token = await keep.clear(chat.who, "c")
    window = await keep.window(chat.who, "c")
    assert (window.snapshots, window.has_earlier) == ((), False)
    assert (window.conversation.title, window.conversation.pinned) == ("c", True)
    for call in (keep.window, keep.restore, keep.delete):
        with pytest.raises(NotFound):
            await call(chat.who, token)
    await until(lambda: chat.request("long").outcome == "closed")
    await keep.unclear(chat.who, "c", token)
    assert (await chat.ended(turn)).status is Status.STOPPED
    assert len(await chat.messages("c")) == 4
    with pytest.raises(NotFound):
        await keep.unclear(chat.who, "c", token)


async def test_clearing_is_not_undone_over_what_was_sent_since(chat: Chat):
    """What came later is not mixed with what was before; the earlier of two clearings can still be undone."""
    keep = chat.services.conversations
    (before,) = await said(chat, "c")
    first = await keep.clear(chat.who, "c")
    since = await chat.send("Since [n:5]", to="c")
    await chat.ended(since)
    with pytest.raises(Conflict):
        await keep.unclear(chat.who, "c", first)
    assert [one.id for one in await chat.messages("c")] == [since.user_message_id, since.message_id]
    await keep.clear(chat.who, "c")
    await keep.unclear(chat.who, "c", first)
    assert [one.id for one in await chat.messages("c")] == [before.user_message_id, before.message_id]


async def test_a_message_that_is_sent_again_is_not_made_again_by_deletion(chat: Chat):
    """Its key is remembered: neither clearing nor deletion makes a second turn of it."""
    turn = await chat.send("Once [n:5]", to="c", key="once")
    await chat.ended(turn)
    await chat.services.conversations.clear(chat.who, "c")
    assert await chat.send("Once [n:5]", to="c", key="once") == turn
    assert await chat.messages("c") == []
    await chat.services.conversations.delete(chat.who, "c")
    assert await chat.send("Once [n:5]", to="c", key="once") == turn
    assert await shown(chat) == []
    assert len(chat.upstream.requests) == 1
