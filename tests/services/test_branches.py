"""Branches: editing, versions to walk between, and the windows through which a branch is seen."""

import pytest

from chatapp.domain.errors import EmptyMessage, NotFound
from chatapp.domain.messages import Role, Status
from chatapp.domain.runs import Turn
from chatapp.services.conversations import Window
from tests.chat import Chat
from tests.upstream import text


async def edit(chat: Chat, turn: Turn, words: str, *, key: str = "edit") -> Turn:
    return await chat.services.turns.edit(
        chat.who, message_id=turn.user_message_id, text=words, client_key=key
    )


def ids(window: Window) -> list[str]:
    return [one.message.id for one in window.snapshots]


async def talked(chat: Chat, turns: int) -> list[Turn]:
    """A conversation "c" of so many turns, made."""
    made = [await chat.send(f"Turn {number} [n:3]", to="c") for number in range(turns)]
    await chat.ended(made[-1])
    return made


async def test_an_edited_message_is_a_sibling_and_the_original_stays(chat: Chat):
    """The branch ends in the new reply; the model is not told of the original."""
    first, second = await talked(chat, 2)
    edited = await edit(chat, second, "Otherwise [n:4]")
    assert (await chat.ended(edited)).text == text(4)
    window = await chat.services.conversations.window(chat.who, "c")
    assert ids(window)[2:] == [edited.user_message_id, edited.message_id]
    versions = window.versions[edited.user_message_id]
    assert (versions.index, versions.count) == (2, 2)
    assert (versions.previous_id, versions.next_id) == (second.user_message_id, "")
    assert set(window.versions) == {edited.user_message_id}
    said = [one["content"] for one in chat.upstream.requests[-1].body["messages"] if one["role"] == "user"]
    assert said == ["Turn 0 [n:3]", "Otherwise [n:4]"]
    assert (await edit(chat, second, "Otherwise [n:4]")) == edited
    with pytest.raises(EmptyMessage):
        await edit(chat, first, " ", key="k")
    with pytest.raises(NotFound):
        await chat.services.turns.edit(chat.who, message_id=first.message_id, text="x", client_key="k")


async def test_the_first_message_can_be_edited(chat: Chat):
    """A conversation has several beginnings then."""
    (first,) = await talked(chat, 1)
    second = await edit(chat, first, "Otherwise [n:4]")
    third = await edit(chat, first, "Or so [n:5]", key="third")
    await chat.ended(third)
    window = await chat.services.conversations.window(chat.who, "c")
    assert ids(window) == [third.user_message_id, third.message_id]
    assert window.versions[third.user_message_id].index == 3
    assert window.versions[third.user_message_id].previous_id == second.user_message_id


async def test_an_edit_waits_behind_the_reply_that_is_made(chat: Chat):
    """The reply in the other branch goes on to its end, and each is made of its own branch."""
    first = await chat.send("Long [n:60 r:30]", to="c")
    await chat.has_text(first)
    edited = await edit(chat, first, "Otherwise [n:4]")
    assert [one.status for one in await chat.messages("c")] == [Status.COMPLETE, Status.QUEUED]
    assert (await chat.ended(edited)).text == text(4)
    await chat.services.conversations.show_version(chat.who, first.message_id)
    assert (await chat.messages("c"))[1].text == text(60)


async def test_a_version_is_shown_down_to_its_newest_leaf(chat: Chat):
    """In every tab, and for the next visit; what is shown is not what is made."""
    first, second, third = await talked(chat, 3)
    edited = await edit(chat, second, "Otherwise [n:3]")
    await chat.ended(edited)
    heard: list[str] = []
    watch = await chat.services.following.watch(chat.who, "c", lambda notice: heard.append(notice.kind))
    conversations = chat.services.conversations
    await conversations.show_version(chat.who, second.user_message_id)
    assert heard == ["tree_changed"]
    watch.close()
    shown = await conversations.window(chat.who, "c")
    assert ids(shown)[-2:] == [third.user_message_id, third.message_id]
    assert shown.versions[second.user_message_id].next_id == edited.user_message_id
    await conversations.show_version(chat.who, edited.user_message_id)
    assert ids(await conversations.window(chat.who, "c"))[-1] == edited.message_id
    again = await chat.services.turns.regenerate(chat.who, message_id=third.message_id, client_key="k")
    await chat.ended(again)
    await conversations.show_version(chat.who, first.user_message_id)
    assert ids(await conversations.window(chat.who, "c"))[-1] == again.message_id


async def test_a_branch_is_seen_through_windows_in_both_directions(chat: Chat):
    """Forwards and backwards, windows fit together without a gap or a doubled message."""
    turns = await talked(chat, 6)
    branch = [one for turn in turns for one in (turn.user_message_id, turn.message_id)]
    conversations = chat.services.conversations
    end = await conversations.window(chat.who, "c", limit=5)
    assert (ids(end), end.has_earlier, end.has_later) == (branch[-5:], True, False)
    before = await conversations.window(chat.who, "c", limit=5, before=branch[7])
    assert (ids(before), before.has_earlier, before.has_later) == (branch[2:7], True, True)
    after = await conversations.window(chat.who, "c", limit=5, after=branch[6])
    assert (ids(after), after.has_earlier, after.has_later) == (branch[7:], True, False)
    after = await conversations.window(chat.who, "c", limit=3, after=branch[0])
    assert (ids(after), after.has_earlier, after.has_later) == (branch[1:4], True, True)
    for place, first, earlier, later in ((0, 0, False, True), (6, 4, True, True), (11, 8, True, False)):
        around = await conversations.around(chat.who, "c", branch[place], limit=4)
        assert ids(around) == branch[first : first + 4]
        assert (around.has_earlier, around.has_later) == (earlier, later)
    assert ids(await conversations.around(chat.who, "c", branch[3])) == branch


async def test_a_message_of_another_branch_is_found_and_its_branch_shown(chat: Chat):
    """As from a search: the branch is switched for all tabs, once, and not for one that is shown already."""
    first, second = await talked(chat, 2)
    edited = await edit(chat, first, "Otherwise [n:3]")
    await chat.ended(edited)
    conversations = chat.services.conversations
    heard: list[str] = []
    watch = await chat.services.following.watch(chat.who, "c", lambda notice: heard.append(notice.kind))
    with pytest.raises(NotFound):
        await conversations.around(chat.who, "c", first.message_id, shown_only=True)
    assert heard == []
    found = await conversations.around(chat.who, "c", first.message_id)
    assert ids(found)[1::2] == [first.message_id, second.message_id]
    assert found.versions[first.user_message_id].next_id == edited.user_message_id
    await conversations.around(chat.who, "c", second.message_id)
    assert heard == ["tree_changed"]
    watch.close()
    assert ids(await conversations.window(chat.who, "c")) == ids(found)
    with pytest.raises(NotFound):
        await conversations.window(chat.who, "c", after=edited.message_id)
    elsewhere = await chat.send("Elsewhere [n:3]", to="d")
    shown = await edit(chat, elsewhere, "Shown [n:3]", key="shown")
    await chat.ended(shown)
    with pytest.raises(NotFound):
        await conversations.around(chat.who, "c", elsewhere.message_id)
    assert ids(await conversations.window(chat.who, "d"))[-1] == shown.message_id


async def test_versions_are_of_one_role(chat: Chat):
    """Two beginnings and two answers to one of them are two and two."""
    (first,) = await talked(chat, 1)
    await chat.services.turns.regenerate(chat.who, message_id=first.message_id, client_key="k")
    edited = await edit(chat, first, "Otherwise [n:3]")
    await chat.ended(edited)
    window = await chat.services.conversations.window(chat.who, "c")
    assert [one.message.role for one in window.snapshots] == [Role.USER, Role.ASSISTANT]
    assert window.versions[edited.user_message_id].count == 2
    assert edited.message_id not in window.versions
