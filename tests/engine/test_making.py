"""The maker of one reply, from the claim to the last write, disturbed at the places where it matters."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chatapp.domain.events import Done
from chatapp.domain.log import Ending
from chatapp.domain.messages import Message, Status
from chatapp.domain.runs import Run
from chatapp.engine.context import ContextBuilder
from chatapp.engine.maker import MAX_ATTEMPTS_WITHOUT_PROGRESS, ReplyMaker
from chatapp.providers.base import Model, StepEvent
from chatapp.providers.catalog import Catalog
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.streams.group_log import FencedError, GroupLog
from chatapp.streams.memory import MemoryBroadcast
from tests.databases import url_of
from tests.engine.counting import END, WordProvider, said
from tests.storage.made import claimed, opened_database, queued
from tests.streams.heard import Heard
from tests.waiting import until


class SlowToAnswer(DatabaseLogStore):
    """The real store, whose answer to the last write of a run takes as long as the test likes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.written = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def finish(self, ending: Ending) -> bool:
        finished = await super().finish(ending)
        self.written.set()
        await self.may_answer.wait()
        return finished


class Workshop:
    """A maker with all it needs, and a model that says what it is given."""

    def __init__(self, database: Database, *batches: Sequence[StepEvent]) -> None:
        self.database, self.broadcast = database, MemoryBroadcast()
        self.store = SlowToAnswer(database)
        self.group = GroupLog(self.store, self.broadcast, shortest=timedelta(milliseconds=5))
        self.ticker = asyncio.create_task(self.group.run())
        self.provider = WordProvider(*batches)
        self.provider.name = "openai"
        self.provider.model = Model(provider="openai", name="mock", label="", context_tokens=1000)
        self.maker = ReplyMaker(
            database=database,
            group=self.group,
            catalog=Catalog([self.provider]),
            context=ContextBuilder(max_reply_tokens=100),
            idle_timeout=timedelta(seconds=5),
        )

    async def reply(self, run: Run) -> Message:
        found = await self.database.read(
            lambda transaction: ConversationRepository(transaction).message(run.owner_id, run.message_id)
        )
        assert found
        return found[1]


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncGenerator[Workshop]:
    async with opened_database(url_of(tmp_path / "chatapp.db")) as database:
        made = Workshop(database, [said("one ")], [said("two")], [END])
        yield made
        made.ticker.cancel()
        with suppress(asyncio.CancelledError):
            await made.ticker


@pytest.mark.parametrize("wish", ["stop", "shutdown"])
async def test_an_end_that_is_stored_is_told(workshop: Workshop, wish: str):
    """A stop, or a shutdown, that crosses the last write comes too late: the reply is complete, and every
    reader hears so instead of waiting for ever."""
    run = await queued(workshop.database)
    heard, stopped = Heard(workshop.broadcast, run), asyncio.Event()
    making = asyncio.create_task(workshop.maker.make(run.id, stopped))
    await workshop.store.written.wait()
    if wish == "stop":
        stopped.set()
    making.cancel()
    await asyncio.sleep(0)
    workshop.store.may_answer.set()
    await asyncio.wait([making])
    assert (await workshop.reply(run)).status is Status.COMPLETE
    assert isinstance(heard.records[-1].event, Done)
    assert heard.tree_changes == 1


async def test_a_second_cancel_ends_even_the_last_write(workshop: Workshop):
    """A shutdown has an end: who cancels twice does not wait for a database that does not answer."""
    run = await queued(workshop.database)
    making = asyncio.create_task(workshop.maker.make(run.id, asyncio.Event()))
    await workshop.store.written.wait()
    for _ in range(2):
        making.cancel()
        await asyncio.sleep(0)
    done, _ = await asyncio.wait([making], timeout=1)
    assert done
    assert making.cancelled()


async def test_a_run_that_always_ends_its_process_is_given_up(workshop: Workshop):
    """Three attempts without a word, even if they died before they wrote anything: the fourth gives up
    visibly and does not ask the model."""
    run = await queued(workshop.database)
    for _ in range(MAX_ATTEMPTS_WITHOUT_PROGRESS):
        run = await claimed(workshop.database, run)
    workshop.store.may_answer.set()
    await workshop.maker.make(run.id, asyncio.Event())
    reply = await workshop.reply(run)
    assert reply.status is Status.INTERRUPTED
    assert reply.failure is not None
    assert reply.failure.code == "interrupted"
    assert not workshop.provider.closed, "the model was asked"


async def test_two_attempts_that_died_are_not_yet_too_many(workshop: Workshop):
    """The third attempt is made, and its reply is whole."""
    run = await queued(workshop.database)
    for _ in range(MAX_ATTEMPTS_WITHOUT_PROGRESS - 1):
        run = await claimed(workshop.database, run)
    workshop.store.may_answer.set()
    await workshop.maker.make(run.id, asyncio.Event())
    reply = await workshop.reply(run)
    assert (reply.status, reply.text) == (Status.COMPLETE, "one two")


async def test_who_lost_the_run_is_told_and_asks_no_more_of_the_model(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
):
    """A worker that slept while another took the run over stops at once, without a word to readers."""
    run = await queued(workshop.database)
    heard = Heard(workshop.broadcast, run)
    workshop.provider.batches = ([said("word ")],) * 1000
    making = asyncio.create_task(workshop.maker.make(run.id, asyncio.Event()))
    await until(lambda: heard.text)
    await claimed(workshop.database, replace(run, attempt=1))
    with pytest.raises(FencedError):
        await making
    assert workshop.provider.closed
    assert not any(isinstance(record.event, Done) for record in heard.records)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
