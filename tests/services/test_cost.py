"""What a turn asks of the database: as much for a long reply as for a short one."""

import asyncio

import pytest

from chatapp.domain.events import Done
from chatapp.services.following import Notice, Progress
from tests.chat import Chat
from tests.storage.asked import asked
from tests.upstream import text

MOST = 15

#: Of the process and not of a run: the ticker's, for all runs together, and the worker's look around.
SHARED = ("INSERT INTO run_events", "SELECT runs.id, runs.attempt \n", "BEGIN")
LOOKS_AROUND = ("ORDER BY runs.created_at, runs.id", "FROM workers ORDER BY workers.name")


def is_of_a_run(statement: str) -> bool:
    return not statement.lstrip().startswith(SHARED) and not statement.endswith(LOOKS_AROUND)


@pytest.mark.parametrize("tokens", [3, 300])
async def test_a_turn_takes_fifteen_statements(chat: Chat, tokens: int) -> None:
    """From the send to the end of its reply, in a conversation that is there."""
    first = await chat.send("[n:2]")
    model = (await chat.ended(first)).model
    ended = asyncio.Event()

    def hear(notice: Notice) -> None:
        if isinstance(notice, Progress) and isinstance(notice.records[-1].event, Done):
            ended.set()

    watch = await chat.services.following.watch(chat.who, first.conversation_id, hear)
    with asked() as heard:
        turn = await chat.send(f"[n:{tokens} r:1000]", to=first, model=model)
        async with asyncio.timeout(20):
            await ended.wait()
    watch.close()
    assert (await chat.reply(turn)).text == text(tokens)
    own = [one.statement for one in heard if is_of_a_run(one.statement)]
    assert len(own) <= MOST, "\n\n".join(own)
