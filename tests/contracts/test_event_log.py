"""What every log store promises: contiguous, fenced, all or nothing, readable from any cursor for ever."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp.domain.events import Chunk, Done, Logged, RunEvent
from chatapp.domain.fold import Snapshot
from chatapp.domain.log import Append, Ending
from chatapp.domain.messages import Message, Status
from chatapp.domain.runs import Run
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.storage.migrate import migrate
from chatapp.storage.runs import RunRepository
from chatapp.storage.usage import UsageRepository
from chatapp.streams.base import LogStore
from tests.drawn import logged, runs_of_events
from tests.storage.made import claimed, opened_database, streaming


class Shelf:
    """A store and how to read it back."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store: LogStore = DatabaseLogStore(database)

    async def append(self, run: Run, records: Sequence[Logged]) -> bool:
        """False when the store refused."""
        batch = [Append(run_id=run.id, attempt=run.attempt, records=tuple(records))]
        return run.id not in await self.store.append(batch)

    async def finish(self, run: Run, records: Sequence[Logged]) -> bool:
        blank = replace((await self.message(run)).message, parts=(), status=Status.QUEUED)
        snapshot = Snapshot(message=blank).after(records)
        ending = Ending(run=run, attempt=run.attempt, snapshot=snapshot, records=records, at=records[-1].at)
        return await self.store.finish(ending)

    async def log(self, run: Run, *, after: int = 0) -> list[Logged]:
        return await self.database.read(lambda t: RunRepository(t).log(run.id, after=after))

    async def message(self, run: Run) -> Snapshot:
        """The message as it is stored, without what its log has beyond that."""
        (*_, last) = await self.database.read(
            lambda t: ConversationRepository(t).branch(run.conversation_key, run.message_id, limit=1)
        )
        return last


@pytest.fixture
async def shelf(database_url: str) -> AsyncGenerator[Shelf]:
    async with opened_database(database_url) as database:
        yield Shelf(database)


@pytest.fixture
def shared_shelf(database_url: str) -> Generator[Shelf]:
    """One for all examples of a property, each with a loop and a run of its own."""
    database = Database(database_url)
    asyncio.run(migrate(database))
    yield Shelf(database)
    asyncio.run(database.close())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=runs_of_events(max_size=12), data=st.data())
def test_any_disconnect_point_resumes_to_the_same_message(
    shared_shelf: Shelf, events: list[RunEvent], data: st.DataObject
):
    """The promise of the log, second half: whoever stopped reading after any record gets the same message
    from the records after it, out of the live rows and out of the compacted log alike."""
    records = logged(events)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records) - 1), max_size=4)))
    asyncio.run(_resumes_from_everywhere(shared_shelf, records, cuts))


async def _resumes_from_everywhere(shelf: Shelf, records: list[Logged], cuts: list[int]) -> None:
    run = await streaming(shelf.database)
    blank = await shelf.message(run)
    for start, end in zip([0, *cuts], [*cuts, len(records) - 1], strict=True):
        assert await shelf.append(run, records[start:end])
        for cursor in range(end + 1):
            assert await shelf.log(run, after=cursor) == records[cursor:end]
            snapshot = blank.after(records[:cursor])
            assert snapshot.after(records[cursor:end]) == blank.after(records[:end])
    assert await shelf.finish(run, records)
    final = await shelf.message(run)
    assert final.seq == len(records)
    assert final.message == blank.after(records).message
    for cursor in range(len(records) + 1):
        assert await shelf.log(run, after=cursor) == records[cursor:]
        assert blank.after(records[:cursor]).after(records[cursor:]) == final


async def test_an_append_of_many_runs_is_one_write(shelf: Shelf):
    """All runs of a step are written, each to its own log."""
    runs = [await streaming(shelf.database) for _ in range(5)]
    batch = [Append(run_id=run.id, attempt=1, records=tuple(logged([Chunk(content=run.id)]))) for run in runs]
    assert await shelf.store.append(batch) == frozenset()
    for run in runs:
        assert [record.event for record in await shelf.log(run)] == [Chunk(content=run.id)]


@pytest.mark.parametrize("state", ["taken over", "ended", "unknown", "not yet claimed"])
async def test_only_the_attempt_that_has_the_run_writes(shelf: Shelf, state: str):
    """Fencing: every other writer is refused, by append and by finish, and changes nothing. An attempt that
    ended the run cannot end it in another way."""
    run = await streaming(shelf.database)
    first = logged([Chunk(content="kept"), Done(status=Status.COMPLETE)])
    assert await shelf.append(run, first[:1])
    late = run
    if state == "taken over":
        await claimed(shelf.database, run)
    elif state == "ended":
        assert await shelf.finish(run, first)
    elif state == "unknown":
        late = replace(run, id="nobody")
    else:
        late = replace(run, attempt=7)
    before = await shelf.log(run), await shelf.message(run)
    other = [*first[:1], replace(first[1], at=first[1].at + timedelta(seconds=1))]
    assert not await shelf.append(late, logged([Chunk(content="kept"), Chunk(content="late")])[1:])
    assert not await shelf.finish(late, other)
    assert (await shelf.log(run), await shelf.message(run)) == before


async def test_the_same_end_may_be_told_twice(shelf: Shelf):
    """A writer that lost the connection during the commit asks again: it has ended the run, and only once."""
    run = await streaming(shelf.database)
    records = logged([Chunk(content="kept"), Done(status=Status.COMPLETE)])
    for _ in range(2):
        assert await shelf.finish(run, records)
    used = await shelf.database.read(lambda t: UsageRepository(t).since(run.owner_id, records[-1].at.date()))
    assert [day.runs for day in used] == [1]


async def test_a_refusal_is_for_one_run_only(shelf: Shelf):
    """The other runs of the same append are written."""
    lost, kept = await streaming(shelf.database), await streaming(shelf.database)
    await claimed(shelf.database, lost)
    batch = [
        Append(run_id=run.id, attempt=1, records=tuple(logged([Chunk(content="x")]))) for run in (lost, kept)
    ]
    assert await shelf.store.append(batch) == {lost.id}
    assert await shelf.log(lost) == []
    assert len(await shelf.log(kept)) == 1


async def test_a_seq_cannot_be_written_twice(shelf: Shelf):
    """Whatever goes wrong in a writer, a record that was shown cannot be replaced."""
    run = await streaming(shelf.database)
    assert await shelf.append(run, logged([Chunk(content="shown")]))
    with pytest.raises(Exception, match="UNIQUE"):
        await shelf.append(run, logged([Chunk(content="other")]))
    assert [record.event for record in await shelf.log(run)] == [Chunk(content="shown")]


async def test_nothing_to_append_is_nothing(shelf: Shelf):
    """Neither an empty batch nor a run without records writes a row or fails."""
    run = await streaming(shelf.database)
    assert await shelf.store.append([]) == frozenset()
    assert await shelf.append(run, [])
    assert await shelf.log(run) == []


async def test_the_end_leaves_one_row_and_a_whole_message(shelf: Shelf):
    """Message, status and compacted log change together; the live rows are gone, the records are not."""
    run = await streaming(shelf.database)
    records = logged([Chunk(content="a"), Chunk(content="b"), Done(status=Status.COMPLETE)])
    await shelf.append(run, records[:2])
    assert await shelf.finish(run, records)
    message: Message = (await shelf.message(run)).message
    assert (message.text, message.status) == ("ab", Status.COMPLETE)
    assert await shelf.log(run) == records
    assert not await shelf.database.read(lambda t: RunRepository(t).unfinished())
