"""What a turn asks of the database: as much for a long reply as for a short one."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from chatapp.domain.events import Done
from chatapp.services.following import Notice, Progress
from tests.chat import Chat
from tests.upstream import text

MOST = 15

#: Of the process and not of a run: the ticker's, for all runs together, and the worker's look around.
SHARED = ("INSERT INTO run_events", "SELECT runs.id, runs.attempt \n", "BEGIN")
LOOKS_AROUND = ("ORDER BY runs.created_at, runs.id", "FROM workers ORDER BY workers.name")


@contextmanager
def statements() -> Generator[list[str]]:
    """What the runs ask of the database while the body runs."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().startswith(SHARED) and not statement.endswith(LOOKS_AROUND):
            heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


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
    with statements() as heard:
        turn = await chat.send(f"[n:{tokens} r:1000]", to=first, model=model)
        async with asyncio.timeout(20):
            await ended.wait()
    watch.close()
    assert (await chat.reply(turn)).text == text(tokens)
    assert len(heard) <= MOST, "\n\n".join(heard)
