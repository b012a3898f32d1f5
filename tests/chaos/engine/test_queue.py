"""kill -9 while turns wait, and while a conversation is deleted or cleared: a change is made or not."""

import random

import pytest

from chatapp.domain.messages import Message, Role, Status
from chatapp.domain.runs import Turn
from chatapp.services.conversations import Window
from chatapp.settings import load
from tests.chaos.engine.process import EngineProcess, Start
from tests.chat import rows
from tests.storage.indexed import assert_index_is_true
from tests.upstream import Upstream, text
from tests.waiting import until

#: A reply that does not go on until its process is killed; taken up again it ends at once.
HELD = "[n:40 fault:hang at:20 tries:1]"
KILLS = 3


async def send(process: EngineProcess, name: str, to: str, knobs: str = "[n:3]") -> Turn:
    """The name is the message's first word and its client key."""
    return await process.call(
        "turns.send", conversation_id=to, text=f"{name} {to} {knobs}", client_key=f"{to}-{name}"
    )


async def waiting(process: EngineProcess, upstream: Upstream, to: str, names: str) -> dict[str, Turn]:
    """Turns of which the first one is held in mid-reply."""
    asked = len(upstream.requests)
    turns = {names[0]: await send(process, names[0], to, HELD)}
    await until(lambda: len(upstream.requests) > asked)
    turns |= {name: await send(process, name, to) for name in names[1:]}
    assert len(upstream.requests) == asked + 1, "the first one was to be held"
    return turns


async def branch(process: EngineProcess, conversation: str) -> tuple[Message, ...]:
    """What is shown."""
    window: Window = await process.call("conversations.window", conversation_id=conversation)
    return tuple(one.message for one in window.snapshots)


async def all_ended(variables: dict[str, str]) -> None:
    """Returns when no run is left to be made."""
    await until(lambda: rows(load(variables), "SELECT 1 FROM runs WHERE ended_at IS NULL") == [])


def first_words(upstream: Upstream, *, since: int = 0) -> list[str]:
    """What was asked, in order, by the first word of each question."""
    asked = [
        [message["content"] for message in one.body["messages"] if message["role"] == "user"]
        for one in upstream.requests[since:]
    ]
    return [questions[-1].split()[0] for questions in asked]


async def made(process: EngineProcess, conversation: str) -> list[str]:
    """The names of the messages that are shown, after a check that each was answered once, in a chain."""
    shown = await branch(process, conversation)
    assert [one.parent_id for one in shown] == [None, *(one.id for one in shown[:-1])]
    assert [one.role for one in shown] == [Role.USER, Role.ASSISTANT] * (len(shown) // 2)
    assert [one.text for one in shown[1::2]] == [text(40), *[text(3)] * (len(shown) // 2 - 1)]
    return [one.text.split()[0] for one in shown[::2]]


async def test_turns_that_were_changed_and_moved_go_out_in_their_order_once(
    start: Start,
    upstream: Upstream,
    variables: dict[str, str],
) -> None:
    """The process that was told of it dies: the next one finds the words and the order, and what a client
    repeats because it heard nothing is not sent again."""
    process = await start()
    turns = await waiting(process, upstream, "c", "abcde")
    await process.call("turns.change_queued", message_id=turns["b"].user_message_id, text="B [n:3]")
    await process.call("turns.move_queued", message_id=turns["e"].user_message_id, place=0)
    await process.call("turns.remove_queued", message_id=turns["d"].user_message_id)
    await process.kill()
    process = await start()
    assert {name: await send(process, name, "c", HELD if name == "a" else "[n:3]") for name in turns} == turns
    await all_ended(variables)
    assert await made(process, "c") == ["a", "e", "B", "c"]
    assert first_words(upstream) == ["a", "a", "e", "B", "c"]


async def test_a_change_that_a_kill_meets_is_made_or_not(
    start: Start,
    upstream: Upstream,
    variables: dict[str, str],
) -> None:
    """Killed while changes are on their way: those that were acknowledged hold, and of the others each is
    there whole or not at all."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chances = random.Random(seed)
    process = await start()
    for kill in range(KILLS):
        since, conversation = len(upstream.requests), f"c{kill}"
        turns = await waiting(process, upstream, conversation, "abcd")
        for name, arguments in (
            ("move_queued", {"message_id": turns["d"].user_message_id, "place": 0}),
            ("change_queued", {"message_id": turns["b"].user_message_id, "text": "B [n:3]"}),
            ("remove_queued", {"message_id": turns["c"].user_message_id}),
        ):
            process.order("call", name, f"turns.{name}", arguments)
        heard = len(turns) + chances.randrange(4)
        await until(lambda p=process, count=heard: len(p.answers) >= count)
        await process.kill()
        done = process.answers
        process = await start()
        await all_ended(variables)
        shown = await made(process, conversation)
        assert first_words(upstream, since=since) == ["a", *shown]
        assert "".join(shown).lower() in {"abcd", "adbc", "adb", "abd"}
        assert shown.index("d") == 1 or "move_queued" not in done
        assert "B" in shown or "change_queued" not in done
        assert "c" not in shown or "remove_queued" not in done
    assert_index_is_true(load(variables).database_url)


@pytest.mark.parametrize(("deed", "undo"), [("delete", "restore"), ("clear", "unclear")])
async def test_what_was_taken_out_of_sight_is_stopped_by_whoever_comes_next(
    start: Start,
    upstream: Upstream,
    variables: dict[str, str],
    deed: str,
    undo: str,
) -> None:
    """Deleted or cleared in mid-reply and killed at once: the next process asks no model, ends what was being
    made and what waited, and brings it back when asked."""
    process = await start()
    turns = await waiting(process, upstream, "c", "ab")
    answer = await process.call(f"conversations.{deed}", conversation_id="c")
    await process.kill()
    process = await start()
    await all_ended(variables)
    assert first_words(upstream) == ["a"]
    await process.call(f"conversations.{undo}", conversation_id="c", **({"token": answer} if answer else {}))
    shown = await branch(process, "c")
    assert [one.id for one in shown[1::2]] == [turn.message_id for turn in turns.values()]
    assert [one.status for one in shown[1::2]] == [Status.STOPPED, Status.STOPPED]
    assert text(40).startswith(shown[1].text)
