"""Another try at a reply: it stands beside the first one, and the first one stays."""

import pytest

from chatapp.domain.errors import ConversationBusy, Invalid
from chatapp.domain.messages import Status
from chatapp.domain.runs import Turn
from tests.chat import Chat, rows
from tests.upstream import text


async def regenerate(chat: Chat, turn: Turn, *, key: str = "again") -> Turn:
    return await chat.services.turns.regenerate(chat.who, message_id=turn.message_id, client_key=key)


async def go_on(chat: Chat, turn: Turn, *, key: str = "on") -> Turn:
    return await chat.services.turns.continue_reply(chat.who, message_id=turn.message_id, client_key=key)


def replies_to(chat: Chat, turn: Turn) -> list[str]:
    query = "SELECT id FROM messages WHERE parent_id = ? ORDER BY created_at"
    return [str(found) for (found,) in rows(chat.services.settings, query, turn.user_message_id)]


async def test_a_new_reply_is_a_sibling_and_is_shown(chat: Chat):
    """The question is the same, the first answer is kept, and the branch ends in the new one."""
    first = await chat.send("Tell me [n:5]")
    await chat.ended(first)
    second = await regenerate(chat, first)
    assert (await chat.ended(second)).text == text(5)
    assert [message.id for message in await chat.messages(first)] == [
        first.user_message_id,
        second.message_id,
    ]
    assert replies_to(chat, first) == [first.message_id, second.message_id]
    assert second.user_message_id == first.user_message_id
    given = chat.upstream.requests[-1].body["messages"]
    assert [message["role"] for message in given] == ["system", "user"], "the first answer was sent along"


async def test_the_same_key_tries_again_once(chat: Chat):
    """A double click on Regenerate is one more reply, not two."""
    first = await chat.send("Tell me [n:5]")
    await chat.ended(first)
    second = await regenerate(chat, first)
    assert await regenerate(chat, first) == second
    await chat.ended(second)
    assert len(replies_to(chat, first)) == 2


async def test_another_try_waits_behind_the_reply_that_is_made(chat: Chat):
    """It is shown at once and made in its turn; the reply in the other branch goes on to its end."""
    first = await chat.send("Tell me [n:5]")
    await chat.ended(first)
    second = await chat.send("More [n:40 r:20]", to=first)
    await chat.has_text(second)
    third = await regenerate(chat, first)
    assert (await chat.reply(third)).status is Status.QUEUED
    assert (await chat.ended(third)).text == text(5)
    await chat.services.conversations.show_version(chat.who, second.message_id)
    assert (await chat.reply(second)).text == text(40)
    assert replies_to(chat, first) == [first.message_id, third.message_id]


async def test_a_reply_that_is_being_made_has_no_other_try(chat: Chat):
    """It is refused with a word and changes nothing; once the reply has ended it is possible."""
    turn = await chat.send("Tell me [n:40 r:20]")
    for call in (regenerate, go_on):
        with pytest.raises(ConversationBusy):
            await call(chat, turn)
    assert (await chat.ended(turn)).text == text(40)
    assert replies_to(chat, turn) == [turn.message_id]
    await chat.ended(await regenerate(chat, turn))


async def test_going_on_begins_with_what_is_there(chat: Chat):
    """A stopped reply's text is the beginning of its sibling, which ends whole; the stopped one stays."""
    first = await chat.send("Tell me [n:100 r:60]")
    await chat.has_text(first, chars=60)
    await chat.stop(first)
    stopped = await chat.ended(first)
    second = await go_on(chat, first)
    whole = await chat.ended(second)
    assert (whole.text, whole.status) == (text(100), Status.COMPLETE)
    assert text(100).startswith(stopped.text)
    asked = chat.upstream.requests[-1].body["messages"][-1]
    assert (asked["role"], asked["content"]) == ("assistant", stopped.text)
    kept = await regenerate(chat, first, key="third")
    assert replies_to(chat, first)[0] == first.message_id
    await chat.ended(kept)


async def test_going_on_with_a_server_that_starts_again_shows_nothing_twice(chat: Chat):
    """Some servers ignore the beginning they are given; the reply is whole and single all the same."""
    chat.upstream.continuation = "restart"
    first = await chat.send("Tell me [n:100 r:100]")
    await chat.has_text(first, chars=60)
    await chat.stop(first)
    await chat.ended(first)
    assert (await chat.ended(await go_on(chat, first))).text == text(100)


async def test_nothing_cannot_be_gone_on_with(chat: Chat):
    """A reply that failed before its first word offers a new try, not a continuation."""
    first = await chat.send("Tell me [n:5 fault:400]")
    assert (await chat.ended(first)).text == ""
    with pytest.raises(Invalid, match="no text"):
        await go_on(chat, first)
