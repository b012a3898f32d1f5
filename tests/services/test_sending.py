"""Sending: what was accepted is kept once, in order, and what was not leaves nothing behind."""

import asyncio

import pytest

from chatapp.domain.errors import ChatError, EmptyMessage, Invalid, KeyReused, MessageTooLong, NoModel
from chatapp.domain.messages import Role, Status
from tests.chat import Chat, Opening, rows
from tests.upstream import text


async def test_a_message_gets_a_reply(chat: Chat):
    """The turn names both messages; the reply is the upstream's text byte for byte, with its usage."""
    turn = await chat.send("Count! [n:60]")
    reply = await chat.ended(turn)
    user, shown = await chat.messages(turn)
    assert (user.id, user.role, user.text) == (turn.user_message_id, Role.USER, "Count! [n:60]")
    assert shown == reply
    assert (reply.text, reply.status, reply.model) == (text(60), Status.COMPLETE, "openai:mock")
    assert (reply.usage.output_tokens, reply.parent_id, reply.failure) == (60, user.id, None)


async def test_the_same_key_is_the_same_turn(chat: Chat):
    """A double click, a retry after a timeout, ten at once: one message, one reply."""
    turns = await asyncio.gather(*(chat.send("Once [n:5]", key="click") for _ in range(10)))
    assert len(set(turns)) == 1
    await chat.ended(turns[0])
    assert await chat.send("Once [n:5]", key="click") == turns[0]
    assert len(await chat.messages(turns[0])) == 2
    assert len(chat.upstream.requests) == 1
    assert len((await chat.services.conversations.listing(chat.who)).items) == 1


async def test_the_same_key_is_the_same_turn_after_a_restart(opening: Opening):
    """A client that asks again after the server came back gets the turn that it made before."""
    async with opening() as chat:
        turn = await chat.send("Once [n:5]", key="retry")
        await chat.ended(turn)
    async with opening() as chat:
        assert await chat.send("Once [n:5]", key="retry") == turn
        assert len(await chat.messages(turn)) == 2
        with pytest.raises(KeyReused):
            await chat.send("Twice", key="retry")


async def test_the_same_key_with_another_text_is_a_conflict(chat: Chat):
    """It is refused, whether the text, the conversation or the deed is another, and nothing is stored."""
    turn = await chat.send("One [n:5]", key="k")
    await chat.ended(turn)
    turns = chat.services.turns
    for attempt in (
        lambda: chat.send("Another", key="k"),
        lambda: chat.send("One [n:5]", key="k", to=turn),
        lambda: turns.regenerate(chat.who, message_id=turn.message_id, client_key="k"),
        lambda: turns.continue_reply(chat.who, message_id=turn.message_id, client_key="k"),
    ):
        with pytest.raises(KeyReused):
            await attempt()
    assert len(await chat.messages(turn)) == 2


async def test_keys_are_their_owner_s_own(chat: Chat):
    """Two people may use the same key and the same conversation id; neither notices the other."""
    ben = chat.of("ben")
    mine = await chat.send("Mine [n:5]", to="shared-name", key="k")
    his = await ben.send("His [n:5]", to="shared-name", key="k")
    assert mine.conversation_id == his.conversation_id == "shared-name"
    await chat.ended(mine)
    await ben.ended(his)
    assert (await chat.messages(mine))[0].text == "Mine [n:5]"
    assert (await ben.messages(his))[0].text == "His [n:5]"


async def test_two_tabs_sending_at_once_keep_one_order(chat: Chat):
    """Turns that are sent while others are made wait behind them: one chain, the same for every tab, and
    each reply knows what was said before it."""
    first = await chat.send("Turn 0 [n:5]")
    turns = await asyncio.gather(*(chat.send(f"Turn {n} [n:5 id:t{n}]", to=first) for n in range(1, 7)))
    for turn in turns:
        assert (await chat.ended(turn)).status is Status.COMPLETE
    shown = await chat.messages(first)
    assert [message.role for message in shown] == [Role.USER, Role.ASSISTANT] * 7
    assert [one.id for one in shown[:-1]] == [one.parent_id for one in shown[1:]]
    assert {one.text for one in shown[0::2]} >= {f"Turn {n} [n:5 id:t{n}]" for n in range(1, 7)}
    for place, request in enumerate(chat.upstream.requests):
        given = [message["content"] for message in request.body["messages"][1:]]
        assert given == [message.text for message in shown[: 2 * place + 1]]


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x00", "\u2003"])
async def test_nothing_is_no_message(chat: Chat, text: str):
    """Empty, spaces of any kind, or nothing but what cannot be kept: a clear word, and nothing stored."""
    with pytest.raises(EmptyMessage):
        await chat.send(text)
    assert (await chat.services.conversations.listing(chat.who)).items == ()


async def test_a_message_has_a_longest_length(opening: Opening):
    """The limit itself fits; one character more is refused with both numbers, and nothing is stored."""
    async with opening(MAX_MESSAGE_CHARS="1000") as chat:
        with pytest.raises(MessageTooLong, match=r"1,001 characters; at most 1,000"):
            await chat.send("x" * 1001)
        assert (await chat.services.conversations.listing(chat.who)).items == ()
        turn = await chat.send("x" * 1000)
        assert (await chat.messages(turn))[0].text == "x" * 1000


async def test_odd_text_comes_back_exactly(chat: Chat):
    """What is legal is kept to the character, what is not is mended: no error, no surprise."""
    said = "<script>alert(1)</script> 👩\u200d👩\u200d👧 שלום \u202e e\u0301\r\n\t```\n| a |\n"
    said += "'; DROP TABLE messages; -- \\u0000 [n:3]"
    turn = await chat.send(said + "\x00\ud800")
    await chat.ended(turn)
    assert (await chat.messages(turn))[0].text == said + "\ufffd"
    assert chat.upstream.requests[-1].body["messages"][-1]["content"] == said + "\ufffd"


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "ключ", "a\x00", "a\n", "../x"])
async def test_keys_and_ids_have_a_plain_form(chat: Chat, key: str):
    """A client's key, and the id that it gives a conversation, are short and plain."""
    with pytest.raises(Invalid):
        await chat.services.turns.send(chat.who, conversation_id=None, text="hi", client_key=key)
    with pytest.raises(Invalid):
        await chat.send("hi", to=key)
    assert (await chat.services.conversations.listing(chat.who)).items == ()


@pytest.mark.parametrize("model", ["openai:none", "nobody:x", "mock", "openai:\ud800", "\x00"])
async def test_a_model_that_is_not_on_offer_is_refused(chat: Chat, model: str):
    """A clear word at once, not a reply that fails later."""
    with pytest.raises(NoModel):
        await chat.services.turns.send(chat.who, conversation_id=None, text="hi", client_key="k", model=model)
    assert (await chat.services.conversations.listing(chat.who)).items == ()


async def test_a_send_that_fails_leaves_no_half_rows(opening: Opening):
    """A refusal takes all of it back: message, reply, run and conversation."""
    async with opening() as chat:
        settings = chat.services.settings
        turn = await chat.send("First [n:3]")
        await chat.ended(turn)
        tables = ("accounts", "conversations", "messages", "runs")
        before = {table: rows(settings, f"SELECT * FROM {table} ORDER BY 1") for table in tables}
        key = str(rows(settings, "SELECT client_key FROM runs")[0][0])
        for broken, to in (("", turn), ("x" * 32_001, turn), ("Another", "a-new-one")):
            with pytest.raises(ChatError):
                await chat.send(broken, to=to, key=key)
        assert {table: rows(settings, f"SELECT * FROM {table} ORDER BY 1") for table in tables} == before


async def test_a_sender_who_gives_up_waiting_has_sent_once_or_not_at_all(chat: Chat):
    """A request that is cut off at any moment leaves a whole turn, or none; a retry makes it one."""
    for pause in range(12):
        sending = asyncio.create_task(chat.send(f"Cut {pause} [n:3]", key=f"cut{pause}"))
        for _ in range(pause):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.wait([sending])
        turn = await chat.send(f"Cut {pause} [n:3]", key=f"cut{pause}")
        assert (await chat.ended(turn)).text == text(3)
        assert len(await chat.messages(turn)) == 2
    assert len((await chat.services.conversations.listing(chat.who)).items) == 12
