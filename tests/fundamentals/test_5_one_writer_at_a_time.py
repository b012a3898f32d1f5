"""Fencing: every write of a run carries its attempt, and only the newest attempt's writes count."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from chatapp.domain.events import Chunk
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.storage.runs import RunRepository
from chatapp.streams.group_log import FencedError, GroupLog
from chatapp.streams.memory import MemoryBroadcast
from tests.databases import url_of
from tests.storage.made import claimed, opened_database, streaming


async def test_a_worker_that_slept_too_long_can_change_nothing(tmp_path: Path):
    """It wakes up after another process has claimed the run: its write is refused, and it is told."""
    async with opened_database(url_of(tmp_path / "chatapp.db")) as database:
        log = GroupLog(DatabaseLogStore(database), MemoryBroadcast())
        ticker = asyncio.create_task(log.run())
        first = await streaming(database)
        sleeper = log.writer(first, attempt=first.attempt)
        second = await claimed(database, first)
        sleeper.put([Chunk(content="too late")])
        with pytest.raises(FencedError):
            await sleeper.flush()
        worker = log.writer(second, attempt=second.attempt)
        worker.put([Chunk(content="mine")])
        await worker.flush()
        kept = await database.read(lambda transaction: RunRepository(transaction).log(first.id))
        assert [record.event for record in kept] == [Chunk(content="mine")]
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker
