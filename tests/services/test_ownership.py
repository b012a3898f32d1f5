"""Nobody sees or changes what is not theirs: "not yours" and "not there" are the same answer."""

from typing import Any

import pytest

from chatapp.domain.errors import NotFound
from chatapp.domain.ids import new_id
from tests.chat import Chat, rows
from tests.services.calls import CALLS, Call, made_up, things_of

TABLES = ("accounts", "conversations", "messages", "feedback", "usage_days", "runs", "run_events", "run_logs")


def everything(chat: Chat) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(chat.services.settings, f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_what_belongs_to_another_is_not_there(chat: Chat, call: Call):
    """Each call upon another's ids answers exactly as upon ids that were never given, and changes nothing."""
    ben = chat.of("ben")
    his = await ben.send("His [n:5]")
    await ben.ended(his)
    await chat.ended(await chat.send("Mine [n:5]"))
    before = everything(chat)
    with pytest.raises(NotFound) as refused:
        await call(chat, await things_of(ben, his))
    with pytest.raises(NotFound) as unknown:
        await call(chat, made_up())
    assert refused.value.message == unknown.value.message
    assert everything(chat) == before


async def test_what_another_deleted_or_cleared_is_not_there(chat: Chat):
    """Nobody else has it back, not even with the token."""
    ben = chat.of("ben")
    cleared, deleted = await ben.send("His [n:5]"), await ben.send("His too [n:5]")
    await ben.ended(cleared)
    await ben.ended(deleted)
    token = await ben.services.conversations.clear(ben.who, cleared.conversation_id)
    await ben.services.conversations.delete(ben.who, deleted.conversation_id)
    await chat.ended(await chat.send("Mine [n:5]"))
    before = everything(chat)
    with pytest.raises(NotFound):
        await chat.services.conversations.unclear(chat.who, cleared.conversation_id, token)
    with pytest.raises(NotFound):
        await chat.services.conversations.restore(chat.who, deleted.conversation_id)
    assert everything(chat) == before


async def test_another_s_reply_cannot_be_stopped_while_it_is_made(chat: Chat):
    """A guessed id is worth nothing: the reply goes on to its end."""
    ben = chat.of("ben")
    his = await ben.send("His [n:30 r:100]")
    await ben.has_text(his)
    with pytest.raises(NotFound):
        await chat.stop(his)
    assert (await ben.ended(his)).status == "complete"


async def test_a_message_is_looked_for_in_its_conversation_only(chat: Chat):
    """My conversation and my own message of another conversation do not make a page; nor does another's."""
    one, two = await chat.send("One [n:5]"), await chat.send("Two [n:5]")
    ben = chat.of("ben")
    his = await ben.send("His [n:5]")
    await ben.ended(his)
    conversations = chat.services.conversations
    for foreign in (two.message_id, his.message_id, new_id()):
        with pytest.raises(NotFound):
            await conversations.window(chat.who, one.conversation_id, before=foreign)
    window = await conversations.window(chat.who, one.conversation_id, before=one.message_id)
    assert [shown.message.id for shown in window.snapshots] == [one.user_message_id]


async def test_lists_hold_one_s_own_and_lists_are_told_of_one_s_own(chat: Chat):
    """The sidebar shows and hears nothing of anybody else."""
    ben = chat.of("ben")
    heard: list[object] = []
    watch = chat.services.following.watch_list(chat.who, heard.append)
    his = await ben.send("His [n:5]")
    await ben.ended(his)
    assert heard == []
    assert (await chat.services.conversations.listing(chat.who)).items == ()
    mine = await chat.send("Mine [n:5]")
    await chat.ended(mine)
    watch.close()
    assert heard
    assert [one.conversation.id for one in (await chat.services.conversations.listing(chat.who)).items] == [
        mine.conversation_id
    ]


async def test_a_user_s_own_message_has_no_other_reply_to_make(chat: Chat):
    """Trying again is for replies; asked for a user's message it is not there."""
    turn = await chat.send("Mine [n:5]")
    await chat.ended(turn)
    for call in (chat.services.turns.regenerate, chat.services.turns.continue_reply):
        with pytest.raises(NotFound):
            await call(chat.who, message_id=turn.user_message_id, client_key=new_id())
