"""Turns that wait can be changed, taken back and moved until they begin; what is made is what is shown."""

import asyncio
import random

import pytest

from chatapp.domain.errors import AlreadyBegun, EmptyMessage, NotFound
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Role, Status
from chatapp.domain.runs import Turn
from tests.chat import Chat, Opening
from tests.storage.indexed import assert_index_is_true
from tests.upstream import text

#: A reply that is being made until it is stopped, or taken up by another process.
HELD = "[n:60 fault:hang at:20 tries:1]"


async def queued(chat: Chat, *names: str) -> tuple[Turn, list[Turn]]:
    """A reply that is being made in "c", and turns that wait behind it."""
    first = await chat.send(f"First {HELD}", to="c", key="first")
    await chat.has_text(first)
    return first, [await chat.send(f"{name} [n:3]", to="c", key=name) for name in names]


async def change(chat: Chat, turn: Turn, words: str) -> None:
    await chat.services.turns.change_queued(chat.who, message_id=turn.user_message_id, text=words)


async def remove(chat: Chat, turn: Turn) -> str:
    return await chat.services.turns.remove_queued(chat.who, message_id=turn.user_message_id)


async def move(chat: Chat, turn: Turn, place: int) -> None:
    await chat.services.turns.move_queued(chat.who, message_id=turn.user_message_id, place=place)


async def said(chat: Chat) -> list[str]:
    """The names of the user's messages in the branch that is shown."""
    return [one.text.split()[0] for one in await chat.messages("c") if one.role is Role.USER]


async def made(chat: Chat) -> list[str]:
    """All replies made: the names in the branch, after checks that it is whole and was made in its order."""
    _, first, *_ = await chat.messages("c")
    await chat.services.turns.stop(chat.who, message_id=first.id)
    async with asyncio.timeout(20):
        while any(not one.status.is_final for one in await chat.messages("c")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    shown = await chat.messages("c")
    assert [one.role for one in shown] == [Role.USER, Role.ASSISTANT] * (len(shown) // 2)
    assert [one.parent_id for one in shown] == [None, *(one.id for one in shown[:-1])]
    assert shown[1].status is not Status.FAILED
    assert {one.status for one in shown[2:]} <= {Status.COMPLETE}
    given = [[one["content"] for one in asked.body["messages"][1:]] for asked in chat.upstream.requests]
    assert given == [[one.text for one in shown[: 2 * place + 1]] for place in range(len(shown) // 2)]
    return await said(chat)


async def test_a_waiting_message_can_be_changed(chat: Chat):
    """The model is asked the new words; the key of the send goes on standing for it."""
    _, (second,) = await queued(chat, "b")
    await change(chat, second, "Other [n:5]")
    assert await said(chat) == ["First", "Other"]
    assert await chat.send("b [n:3]", to="c", key="b") == second
    assert await made(chat) == ["First", "Other"]
    assert (await chat.reply(second)).text == text(5)
    found = await chat.services.search.find(chat.who, "other")
    assert [hit.message_id for hit in found] == [second.user_message_id]


async def test_a_waiting_turn_can_be_taken_back(chat: Chat):
    """From the middle and from the end; its text is returned, and it is not sent again by a retry."""
    _, (second, third, fourth) = await queued(chat, "b", "c", "d")
    assert await remove(chat, third) == "c [n:3]"
    assert await remove(chat, fourth) == "d [n:3]"
    assert await chat.send("c [n:3]", to="c", key="c") == third
    assert await said(chat) == ["First", "b"]
    assert await made(chat) == ["First", "b"]
    assert await chat.services.search.find(chat.who, "d") == ()
    for call in (remove(chat, third), change(chat, third, "x"), move(chat, third, 0)):
        with pytest.raises(NotFound):
            await call
    assert (await chat.reply(second)).status is Status.COMPLETE


async def test_what_waits_can_be_moved(chat: Chat):
    """To the front, to the end and beyond; replies are made in the order that is shown."""
    _, (b, c, d, e) = await queued(chat, "b", "c", "d", "e")
    for turn, place, order in (
        (e, 0, "ebcd"),
        (b, 3, "ecdb"),
        (c, 1, "ecdb"),
        (d, 99, "ecbd"),
        (b, -1, "becd"),
    ):
        await move(chat, turn, place)
        assert await said(chat) == ["First", *order]
    assert await made(chat) == ["First", "b", "e", "c", "d"]


async def test_places_are_counted_behind_the_first_reply_that_is_not_whole(opening: Opening):
    """As they are shown: also where that one waits itself, for a slot or for a reply in another branch."""
    async with opening(MAX_CONCURRENT_STREAMS="1") as chat:
        busy = await chat.send(f"Busy {HELD}")
        await chat.has_text(busy)
        first, b, d = [await chat.send(f"{name} [n:3]", to="c", key=name) for name in "abd"]
        for turn, place, order in ((d, 0, "adb"), (d, 1, "abd"), (first, 0, "abd"), (first, 1, "bad")):
            await move(chat, turn, place)
            assert await said(chat) == list(order)
        edited = await chat.services.turns.edit(
            chat.who, message_id=b.user_message_id, text="Edited [n:3]", client_key="edit"
        )
        e, f = [await chat.send(f"{name} [n:3]", to="c", key=name) for name in "ef"]
        await move(chat, f, 0)
        assert await said(chat) == ["Edited", "f", "e"]
        await move(chat, f, 1)
        assert await said(chat) == ["Edited", "e", "f"]
        await chat.stop(busy)
        await chat.ended(e)
        assert (await chat.reply(edited)).status is Status.COMPLETE


async def test_a_new_process_keeps_the_order(opening: Opening):
    """It finds the turns in the database, in the order in which they were put."""
    async with opening() as chat:
        _, (_, c, d) = await queued(chat, "b", "c", "d")
        await move(chat, d, 0)
        await move(chat, c, 1)
    async with opening() as chat:
        turn = await chat.send("e [n:3]", to="c")
        await chat.ended(turn)
        assert await said(chat) == ["First", "d", "c", "b", "e"]
        asked = [one.body["messages"][-1]["content"].split()[0] for one in chat.upstream.requests]
        assert asked[-4:] == ["d", "c", "b", "e"]


async def test_what_has_begun_stays_as_it_is(chat: Chat):
    """The reply that is made, one that has ended, and one that is being stopped."""
    first, (second,) = await queued(chat, "b")
    with pytest.raises(EmptyMessage):
        await change(chat, second, " ")

    async def refused(turn: Turn) -> None:
        for call in (remove(chat, turn), change(chat, turn, "x"), move(chat, turn, 0)):
            with pytest.raises(AlreadyBegun):
                await call

    await refused(first)
    await chat.stop(second)
    await refused(second)
    await chat.stop(first)
    await chat.ended(first)
    await refused(first)
    again = await chat.services.turns.regenerate(chat.who, message_id=first.message_id, client_key="again")
    await refused(again)
    with pytest.raises(NotFound):
        await chat.services.turns.remove_queued(chat.who, message_id=second.message_id)


async def test_an_edit_that_is_taken_back_shows_what_was_edited(chat: Chat):
    """The branch before it is shown again; an edit is not moved away from the message it is a version of."""
    first, (second,) = await queued(chat, "b")
    edited = await chat.services.turns.edit(
        chat.who, message_id=first.user_message_id, text="Edited [n:3]", client_key="edit"
    )
    behind = await chat.send("behind [n:3]", to="c")
    await move(chat, behind, 0)
    await move(chat, edited, 1)
    assert await said(chat) == ["Edited", "behind"]
    await remove(chat, behind)
    assert await remove(chat, edited) == "Edited [n:3]"
    assert await said(chat) == ["First", "b"]
    assert await made(chat) == ["First", "b"]
    assert (await chat.reply(second)).status is Status.COMPLETE


async def test_a_turn_that_waits_alone_can_be_taken_back(opening: Opening):
    """All slots are taken elsewhere: a conversation of one message that did not begin is empty again."""
    async with opening(MAX_CONCURRENT_STREAMS="1") as chat:
        busy = await chat.send(f"Busy {HELD}")
        await chat.has_text(busy)
        alone = await chat.send("Alone [n:3]", to="c", key="alone")
        await remove(chat, alone)
        assert await chat.messages("c") == []
        again = await chat.send("Again [n:3]", to="c")
        await chat.stop(busy)
        await chat.ended(again)
        assert await said(chat) == ["Again"]


async def test_a_title_made_of_a_waiting_message_changes_with_it(opening: Opening):
    """What was taken out of the message is not left in the list; a title that somebody gave is."""
    async with opening(MAX_CONCURRENT_STREAMS="1") as chat:
        busy = await chat.send(f"Busy {HELD}")
        await chat.has_text(busy)
        keep, first = chat.services.conversations, await chat.send("Secret [n:3]", to="c")
        second = await chat.send("Second [n:3]", to="c")

        async def title() -> str:
            return (await keep.window(chat.who, "c")).conversation.title

        await change(chat, first, "Open [n:3]")
        assert await title() == "Open [n:3]"
        await change(chat, second, "Other [n:3]")
        assert await title() == "Open [n:3]"
        await keep.change(chat.who, "c", title="Mine")
        await change(chat, first, "Again [n:3]")
        assert await title() == "Mine"


async def test_whatever_is_done_at_once_each_kept_message_is_answered_once(chat: Chat):
    """Several tabs send, change, take back and move while replies begin: each change either came in time or
    is refused, and the conversation is one chain, made in the order in which it is shown."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chances = random.Random(seed)
    first = await chat.send("First [n:3]", to="c", key="first")
    sent: list[Turn] = [first]
    asked = {first: ("First [n:3]", "first")}
    wanted = {first.user_message_id: "First"}

    async def act() -> None:
        await asyncio.sleep(chances.uniform(0, 1.2))
        turn = chances.choice(sent[-4:])
        name = f"t{new_id()[:6]}"
        match chances.choice(["send", "change", "remove", "move", "again"]):
            case "send":
                turn = await chat.send(f"{name} [n:3 r:60]", to="c", key=name)
                sent.append(turn)
                asked[turn] = (f"{name} [n:3 r:60]", name)
                wanted[turn.user_message_id] = name
            case "again":
                assert await chat.send(asked[turn][0], to="c", key=asked[turn][1]) == turn
            case "change":
                await change(chat, turn, f"{name} [n:3 r:60]")
                wanted[turn.user_message_id] = name
            case "remove":
                await remove(chat, turn)
                del wanted[turn.user_message_id]
            case _:
                await move(chat, turn, chances.randrange(4))

    done = await asyncio.gather(*(act() for _ in range(80)), return_exceptions=True)
    strange = [one for one in done if one is not None and not isinstance(one, AlreadyBegun | NotFound)]
    assert not strange, strange
    assert sorted(await made(chat)) == sorted(wanted.values())
    assert len(sent) > 5
    assert_index_is_true(chat.services.settings.database_url)
