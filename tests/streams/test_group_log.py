"""The log of one process: what a reader is shown is in the database first, and stays as it is."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from chatapp.domain.events import Chunk, Done, Logged, Reasoning
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Status
from chatapp.domain.runs import Run
from chatapp.storage.database import Database
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import Notice, Progress, conversation_topic
from chatapp.streams.group_log import FencedError, GroupLog
from chatapp.streams.memory import MemoryBroadcast
from tests.drawn import BLANK
from tests.storage.made import claimed, streaming
from tests.streams.heard import Heard
from tests.streams.stores import FaultyStore
from tests.waiting import until

DONE = Done(status=Status.COMPLETE)


@pytest.fixture
def store(database: Database) -> FaultyStore:
    return FaultyStore(database)


@pytest.fixture
def broadcast() -> MemoryBroadcast:
    return MemoryBroadcast()


@pytest.fixture
async def group(
    store: FaultyStore, broadcast: MemoryBroadcast, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[GroupLog]:
    """A log whose ticker is at work, with short steps."""
    monkeypatch.setattr("chatapp.streams.group_log.RETRY", timedelta(milliseconds=10))
    log = GroupLog(store, broadcast, shortest=timedelta(milliseconds=5))
    ticker = asyncio.create_task(log.run())
    yield log
    assert not ticker.done(), ticker.exception()
    ticker.cancel()
    with suppress(asyncio.CancelledError):
        await ticker


async def stored(database: Database, run: Run) -> list[Logged]:
    return await database.read(lambda transaction: RunRepository(transaction).log(run.id))


def chunks(*texts: str) -> list[Chunk]:
    return [Chunk(content=text) for text in texts]


async def test_a_reader_is_told_only_of_what_the_database_holds(
    database: Database, database_file: Path, broadcast: MemoryBroadcast, group: GroupLog
):
    """Append first, then publish: at the moment of a notice, another process can read the record."""
    run = await streaming(database)
    missing: list[Logged] = []

    with closing(sqlite3.connect(database_file)) as elsewhere:

        def check(notice: Notice) -> None:
            rows = {seq for (seq,) in elsewhere.execute("SELECT seq FROM run_events")}
            assert isinstance(notice, Progress)
            missing.extend(record for record in notice.records if record.seq not in rows)

        stop = broadcast.listen(conversation_topic(run.conversation_key), check)
        writer = group.writer(run, attempt=run.attempt)
        for text in "abcdefgh":
            writer.put(chunks(text))
            await writer.pace()
        await writer.flush()
        stop()
    assert writer.records
    assert missing == []


async def test_what_is_published_is_what_is_stored(
    database: Database, broadcast: MemoryBroadcast, group: GroupLog
):
    """A seq seen once means the same for ever: content and time are equal live, in rows and compacted."""
    run = await streaming(database)
    heard = Heard(broadcast, run)
    writer = group.writer(run, attempt=run.attempt)
    writer.put([Reasoning(content="hm"), *chunks("one ", "🙂")])
    await writer.flush()
    live = list(heard.records)
    assert await stored(database, run) == live
    message = await writer.finish(BLANK, DONE)
    assert await stored(database, run) == heard.records
    assert heard.records[: len(live)] == live
    assert message == Snapshot(message=BLANK).after(heard.records).message
    assert heard.tree_changes == 1


async def test_seq_is_contiguous_from_one(database: Database, broadcast: MemoryBroadcast, group: GroupLog):
    """However puts and steps fall together, no seq is missing or used twice, and the text is whole."""
    run = await streaming(database)
    heard = Heard(broadcast, run)
    writer = group.writer(run, attempt=run.attempt)
    for number in range(300):
        writer.put(chunks(f"{number} "))
        if number % 7 == 0:
            await asyncio.sleep(0)
        if number % 50 == 0:
            await writer.pace()
    await writer.finish(BLANK, DONE)
    assert [record.seq for record in heard.records] == list(range(1, len(heard.records) + 1))
    assert heard.text == "".join(f"{number} " for number in range(300))


async def test_neighbouring_texts_of_a_step_are_one_record(database: Database, group: GroupLog):
    """The log grows with time and not with tokens; what differs in kind stays apart."""
    run = await streaming(database)
    writer = group.writer(run, attempt=run.attempt)
    writer.put([*chunks("a", "b"), Reasoning(content="x"), Reasoning(content="y"), *chunks("c")])
    await writer.flush()
    events = [record.event for record in writer.records]
    assert events == [Chunk(content="ab"), Reasoning(content="xy"), Chunk(content="c")]


async def test_all_runs_of_a_step_share_one_transaction(
    database: Database, store: FaultyStore, group: GroupLog
):
    """The cost of a step is one commit, whether two replies are being made or two hundred."""
    runs = [await streaming(database) for _ in range(40)]
    writers = [group.writer(run, attempt=run.attempt) for run in runs]

    async def work(number: int) -> None:
        for turn in range(5):
            await writers[number].pace()
            writers[number].put(chunks(f"{number}.{turn} "))
        await writers[number].flush()

    await asyncio.gather(*map(work, range(len(runs))))
    assert len(store.appends) <= 7
    assert sum(len(batch) for batch in store.appends) == 200
    for number, run in enumerate(runs):
        text = "".join(r.event.content for r in await stored(database, run) if isinstance(r.event, Chunk))
        assert text == "".join(f"{number}.{turn} " for turn in range(5))


async def test_nothing_is_written_when_there_is_nothing_to_write(
    database: Database, store: FaultyStore, group: GroupLog
):
    """An empty batch of events costs no transaction, and does not stop the ticker."""
    run = await streaming(database)
    writer = group.writer(run, attempt=run.attempt)
    for _ in range(3):
        writer.put([])
        await writer.pace()
    await writer.flush()
    assert store.appends == []
    assert await stored(database, run) == []


async def test_a_later_attempt_shuts_the_earlier_one_out(
    database: Database, broadcast: MemoryBroadcast, group: GroupLog
):
    """Fencing: once another process has the run, the first writer is told, and nothing of it is kept or
    shown."""
    run = await streaming(database)
    first = group.writer(run, attempt=run.attempt)
    first.put(chunks("mine "))
    await first.flush()
    taken_over = await claimed(database, run)
    second = group.writer(taken_over, attempt=taken_over.attempt, records=first.records)
    heard = Heard(broadcast, run)
    first.put(chunks("late "))
    with pytest.raises(FencedError):
        await first.flush()
    for late in (lambda: first.put(chunks("later")), lambda: first.put([])):
        with pytest.raises(FencedError):
            late()
    for late in (first.pace, first.flush, lambda: first.finish(BLANK, DONE)):
        with pytest.raises(FencedError):
            await late()
    assert heard.records == []
    second.put(chunks("theirs"))
    message = await second.finish(BLANK, DONE)
    assert message.text == "mine theirs"
    assert heard.text == "theirs"


async def test_a_fenced_end_changes_nothing(database: Database, broadcast: MemoryBroadcast, group: GroupLog):
    """A worker that wakes up with only its end left to write finds the run taken, and tells nobody."""
    run = await streaming(database)
    first = group.writer(run, attempt=run.attempt)
    heard = Heard(broadcast, run)
    await claimed(database, run)
    with pytest.raises(FencedError):
        await first.finish(BLANK, DONE)
    assert heard.notices == []
    assert await stored(database, run) == []
    assert await database.read(lambda transaction: RunRepository(transaction).unfinished())


async def test_one_fenced_run_does_not_harm_the_others_of_its_step(database: Database, group: GroupLog):
    """A refusal is for a run, not for the transaction that it shared."""
    lost, kept = await streaming(database), await streaming(database)
    await claimed(database, lost)
    loser, keeper = (group.writer(run, attempt=1) for run in (lost, kept))
    loser.put(chunks("no"))
    keeper.put(chunks("yes"))
    await keeper.flush()
    assert [record.event for record in await stored(database, kept)] == chunks("yes")
    assert await stored(database, lost) == []


async def test_a_store_that_refuses_for_a_while_loses_and_doubles_nothing(
    database: Database, broadcast: MemoryBroadcast, store: FaultyStore, group: GroupLog
):
    """While the disk is full nothing is published and nothing more is read from models; then all goes on."""
    run = await streaming(database)
    heard = Heard(broadcast, run)
    writer = group.writer(run, attempt=run.attempt)
    writer.put(chunks("before "))
    await writer.flush()
    shown = list(heard.records)
    store.full = True
    writer.put(chunks("within "))
    reading = asyncio.create_task(_read_on(writer.pace, 3))
    await until(lambda: store.refusals >= 3)
    writer.put(chunks("still within "))
    refused = store.refusals
    await until(lambda: store.refusals >= refused + 3)
    assert heard.records == shown
    assert not reading.done(), "models were read while nothing could be kept"
    store.full = False
    await asyncio.wait_for(reading, 5)
    message = await writer.finish(BLANK, DONE)
    assert message.text == heard.text == "before within still within "
    assert [record.seq for record in heard.records] == list(range(1, len(heard.records) + 1))
    assert await stored(database, run) == heard.records


async def test_an_end_waits_until_it_can_be_kept(
    database: Database, broadcast: MemoryBroadcast, store: FaultyStore, group: GroupLog
):
    """A reply that is whole while the disk is full is shown as whole only once it is kept as whole."""
    run = await streaming(database)
    heard = Heard(broadcast, run)
    writer = group.writer(run, attempt=run.attempt)
    writer.put(chunks("all"))
    await writer.flush()
    store.full = True
    ending = asyncio.create_task(writer.finish(BLANK, DONE))
    await until(lambda: store.refusals >= 3)
    assert not ending.done()
    assert not any(isinstance(record.event, Done) for record in heard.records)
    store.full = False
    assert (await asyncio.wait_for(ending, 5)).status is Status.COMPLETE
    assert isinstance(heard.records[-1].event, Done)


async def test_a_first_word_does_not_wait_for_a_step(database: Database, store: FaultyStore):
    """The ticker is idle until it is wanted: the first token of a quiet server goes out at once."""
    broadcast = MemoryBroadcast()
    log = GroupLog(store, broadcast, shortest=timedelta(seconds=30))
    ticker = asyncio.create_task(log.run())
    run = await streaming(database)
    writer = log.writer(run, attempt=run.attempt)
    writer.put(chunks("first"))
    async with asyncio.timeout(5):
        await writer.flush()
    ticker.cancel()


async def _read_on(pace: Callable[[], Awaitable[None]], times: int) -> None:
    for _ in range(times):
        await pace()
