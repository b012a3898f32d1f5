"""A list of messages that is answered once: made like every reply, and seen by nobody but who asked."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from chatapp.domain.errors import EmptyMessage, KeyReused, MessageTooLong, NotFound, UnknownModel
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, Status
from chatapp.domain.runs import NO_OPTIONS, RunOptions, Turn
from chatapp.providers.base import ChatMessage
from chatapp.services.conversations import UNDO_WINDOW
from tests.chat import Chat, Opening, rows
from tests.upstream import text

USER, ASSISTANT = Role.USER, Role.ASSISTANT


def listed(*said: tuple[Role, str]) -> list[ChatMessage]:
    return [ChatMessage(role=role, content=content) for role, content in said]


async def ask(
    chat: Chat,
    messages: Sequence[ChatMessage],
    *,
    key: str = "",
    model: str = "",
    options: RunOptions = NO_OPTIONS,
) -> Turn:
    return await chat.services.turns.answer_once(
        chat.who, messages=messages, client_key=key or new_id(), model=model, options=options
    )


async def reply(chat: Chat, turn: Turn) -> Message:
    return await chat.services.runs.message(chat.who, turn.run_id)


async def test_the_list_is_sent_as_it_is(chat: Chat):
    """Every message in its place, no instructions but the program's, and the answer to the last one."""
    messages = listed((USER, "Hello"), (ASSISTANT, "Hi."), (USER, "Go [n:20]"))
    made = await reply(chat, await ask(chat, messages, options=RunOptions(system="")))
    assert (made.text, made.status) == (text(20), Status.COMPLETE)
    assert chat.upstream.requests[0].body["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Go [n:20]"},
    ]


async def test_a_list_that_ends_with_a_reply_is_gone_on_with(chat: Chat):
    """The answer has only what is new."""
    begun = text(30)[:100]
    made = await reply(chat, await ask(chat, listed((USER, "Go [n:30]"), (ASSISTANT, begun))))
    assert begun + made.text == text(30)


async def test_nobody_sees_it(chat: Chat):
    """Not in the list, the archive, a search, the export or by any id; it cannot be had back either."""
    kept = await chat.send("Kept [n:5]")
    await chat.ended(kept)
    turn = await ask(chat, listed((USER, "Unseen [n:5]")))
    await reply(chat, turn)
    services, who = chat.services, chat.who
    for archived in (False, True):
        shown = await services.conversations.listing(who, archived=archived)
        assert [one.conversation.id for one in shown.items] == ([] if archived else [kept.conversation_id])
    assert await services.search.find(who, "unseen") == ()
    exported = b"".join([piece async for piece in services.own_data.export(who)])
    assert b"Kept" in exported
    assert b"Unseen" not in exported
    query = "SELECT id FROM conversations ORDER BY key DESC LIMIT 1"
    ((hidden,),) = rows(services.settings, query)
    for id_ in (hidden, turn.conversation_id):
        with pytest.raises(NotFound):
            await services.conversations.window(who, id_)
        with pytest.raises(NotFound):
            await services.conversations.restore(who, id_)
    for change in (services.turns.regenerate, services.turns.continue_reply):
        with pytest.raises(NotFound):
            await change(who, message_id=turn.message_id, client_key=new_id())
    for message_id in (turn.message_id, turn.user_message_id):
        with pytest.raises(NotFound):
            await services.conversations.show_version(who, message_id)


async def test_its_run_is_its_owner_s(chat: Chat):
    """Who asked reads and stops it; nobody else finds it."""
    turn = await ask(chat, listed((USER, "Go [n:200 r:50]")))
    ben = chat.of("ben")
    for call in (ben.services.runs.run, ben.services.runs.cancel, ben.services.runs.message):
        with pytest.raises(NotFound):
            await call(ben.who, turn.run_id)
    await chat.services.runs.cancel(chat.who, turn.run_id)
    assert (await reply(chat, turn)).status is Status.STOPPED


async def test_it_is_purged_soon_and_not_in_mid_reply(chat: Chat):
    """With what is deleted: nothing of it stays, and one that is still being made is left alone."""
    over = await ask(chat, listed((USER, "Over [n:5]")))
    await reply(chat, over)
    running = await ask(chat, listed((USER, "Running [n:1000 r:20]")))
    conversations, settings = chat.services.conversations, chat.services.settings
    soon = datetime.now(UTC) + UNDO_WINDOW / 2
    assert await conversations.purge(now=soon) == 0
    assert await conversations.purge(now=soon + UNDO_WINDOW) == 1
    assert rows(settings, "SELECT id FROM runs") == [(running.run_id,)]
    assert len(rows(settings, "SELECT id FROM messages")) == 2
    await chat.services.runs.cancel(chat.who, running.run_id)
    await reply(chat, running)
    assert await conversations.purge(now=datetime.now(UTC) + 2 * UNDO_WINDOW) == 1
    for table in ("conversations", "messages", "runs", "run_logs", "search_rows"):
        assert rows(settings, f"SELECT * FROM {table}") == [], table


async def test_the_same_key_is_answered_once(chat: Chat):
    """Whoever repeats the request gets the same reply; the key for anything else is refused."""
    messages = listed((USER, "Go [n:5]"))
    first = await ask(chat, messages, key="k")
    assert await ask(chat, messages, key="k") == first
    await reply(chat, first)
    assert await ask(chat, messages, key="k") == first
    assert len(chat.upstream.requests) == 1
    for other in (listed((USER, "Go on [n:5]")), listed((ASSISTANT, "Go [n:5]"))):
        with pytest.raises(KeyReused):
            await ask(chat, other, key="k")
    with pytest.raises(KeyReused):
        await ask(chat, messages, key="k", options=RunOptions(temperature=1))
    assert await ask(chat.of("ben"), messages, key="k") != first


async def test_it_outlives_a_restart(opening: Opening):
    """A run like all others: the next process goes on from the text that is there."""
    async with opening() as chat:
        turn = await ask(chat, listed((USER, "Go [n:200 r:100]")), options=RunOptions(system="Be brief."))
        async for item in chat.services.runs.events(chat.who, turn.run_id):
            if isinstance(item, tuple) and len(item) and item[-1].seq > 5:
                break
    async with opening() as chat:
        made = await reply(chat, turn)
        assert (made.text, made.status) == (text(200), Status.COMPLETE)
        assert chat.upstream.requests[1].body["messages"][0]["content"].startswith("Be brief.")


async def test_what_cannot_be_answered_is_refused_and_leaves_nothing(chat: Chat):
    """Nothing said, too much said, a model that is not there; replies of a model may be long."""
    limit = chat.services.settings.max_message_chars
    for messages in ([], listed((USER, " "))):
        with pytest.raises(EmptyMessage):
            await ask(chat, messages)
    with pytest.raises(MessageTooLong):
        await ask(chat, listed((USER, "x" * (limit + 1)), (USER, "Go")))
    with pytest.raises(MessageTooLong):
        await ask(chat, listed((USER, "Go")), options=RunOptions(system="x" * (limit + 1)))
    with pytest.raises(UnknownModel):
        await ask(chat, listed((USER, "Go")), model="openai:none")
    assert rows(chat.services.settings, "SELECT * FROM conversations") == []
    long = listed((USER, "Go"), (ASSISTANT, "x" * (limit + 1)), (USER, "Go [n:5]"))
    assert (await reply(chat, await ask(chat, long))).text == text(5)


async def test_a_long_list_is_stored_quickly(chat: Chat):
    """Other sends wait meanwhile: 200 messages take a part of a second, also on a busy machine."""
    said = [(USER if place % 2 else ASSISTANT, f"Message {place} " + "words " * 50) for place in range(199)]
    at = datetime.now(UTC)
    turn = await ask(chat, listed((USER, "Begin"), *said[1:], (USER, "Go [n:5]")))
    took = datetime.now(UTC) - at
    assert (await reply(chat, turn)).text == text(5)
    print(f"stored within {took / timedelta(milliseconds=1):.0f} ms")
    assert took < timedelta(seconds=2)
