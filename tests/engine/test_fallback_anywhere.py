"""Wherever models break off, and however they go on, a reply is what those that count sent."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from chatapp.domain.errors import ProviderUnreachable
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Message, Status
from chatapp.engine.context import ContextBuilder
from chatapp.engine.continuation import SURE_CHARS
from chatapp.engine.maker import ReplyMaker
from chatapp.providers.base import Model, ModelRequest, StepEvent
from chatapp.providers.catalog import Catalog
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.streams.group_log import GroupLog
from chatapp.streams.memory import MemoryBroadcast
from tests.databases import url_of
from tests.drawn import BLANK
from tests.engine.counting import END, WordProvider, said
from tests.storage.made import opened_database, queued
from tests.streams.heard import Heard
from tests.upstream import text

WHOLE = text(40)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a model recites: it breaks off after so many characters, in pieces of some size; it goes on from
    what is there, or starts again whatever it is given.
    """

    breaks_after: int
    piece: int
    restarts: bool


class Reciter(WordProvider):
    """Recites one text, in its manner."""

    def __init__(self, name: str, manner: Manner) -> None:
        super().__init__()
        self.name = name
        self.manner = manner
        self.model = Model(provider=name, name="mock", label=name, context_tokens=1000)

    @override
    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        manner = self.manner
        given = request.messages[-1].content if request.continues and not manner.restarts else ""
        rest = WHOLE.removeprefix(given)
        for at in range(0, min(manner.breaks_after, len(rest)), manner.piece):
            yield [said(rest[at : min(at + manner.piece, manner.breaks_after)])]
        if manner.breaks_after < len(rest):
            raise ProviderUnreachable
        yield [END]


manners = st.builds(
    Manner, breaks_after=st.integers(0, len(WHOLE) + 50), piece=st.integers(1, 90), restarts=st.booleans()
)


@pytest.mark.timeout(300)  # twenty databases, on a machine that does other things as well
@settings(max_examples=20, deadline=None)
@given(st.lists(manners, min_size=1, max_size=4))
def test_a_reply_is_what_the_attempts_that_count_sent(given_manners: list[Manner]):
    """All models know one text: the reply is a beginning of it, reaches as far as any of them came, and is
    whole when one came to the end. What was shown never shrinks."""
    reply, shown = asyncio.run(recited(given_manners))
    reached, complete = expected(given_manners)
    assert WHOLE.startswith(reply.text)
    assert reply.status is (Status.COMPLETE if complete else Status.FAILED)
    # Characters that might have been a new start are held back, and lost when that attempt breaks.
    assert reached - SURE_CHARS < len(reply.text) <= reached or len(reply.text) == reached
    assert not complete or reply.text == WHOLE
    assert shown == sorted(shown)
    assert len(reply.seams) == len([seam for seam in reply.seams if seam.is_fallback])


def expected(given_manners: list[Manner]) -> tuple[int, bool]:
    """How many characters are reached, and whether the reply is whole."""
    reached = 0
    for manner in given_manners:
        start = 0 if manner.restarts or reached < SURE_CHARS else reached
        if start + manner.breaks_after >= len(WHOLE):
            return len(WHOLE), True
        reached = max(reached, start + manner.breaks_after)
    return reached, False


async def recited(given_manners: list[Manner]) -> tuple[Message, list[int]]:
    """The reply that these models make, one after the other, and how long it was whenever it was shown."""
    names = ["openai", "gemini", "local", "scripted"][: len(given_manners)]
    providers = [Reciter(name, manner) for name, manner in zip(names, given_manners, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        async with opened_database(url_of(Path(folder) / "chatapp.db")) as database:
            broadcast = MemoryBroadcast()
            group = GroupLog(DatabaseLogStore(database), broadcast, shortest=timedelta(milliseconds=1))
            ticker = asyncio.create_task(group.run())
            maker = ReplyMaker(
                database=database,
                group=group,
                catalog=Catalog(providers, fallbacks=[f"{name}:mock" for name in names]),
                context=ContextBuilder(max_reply_tokens=100),
                idle_timeout=timedelta(seconds=5),
            )
            run = await queued(database)
            heard = Heard(broadcast, run)
            await maker.make(run.id, asyncio.Event())
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker
            found = await database.read(
                lambda transaction: ConversationRepository(transaction).message(run.owner_id, run.message_id)
            )
    assert found
    return found[1], lengths(heard)


def lengths(heard: Heard) -> list[int]:
    """The length of the text after each record."""
    shown = Snapshot(message=BLANK)
    found: list[int] = []
    for record in heard.records:
        shown = shown.after([record])
        found.append(len(shown.message.text))
    return found
