"""A worker that is told to stop a reply just when it begins with it."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable

import pytest

from chatapp.domain.runs import Run
from chatapp.opening import Engine, open_engine
from chatapp.settings import Settings
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import WORKERS, Job, StopWished, Submitted
from chatapp.telemetry.metrics import Metrics
from tests import databases
from tests.storage.made import queued
from tests.upstream import Upstream
from tests.waiting import eventually


@pytest.fixture
async def engine(upstream: Upstream, settings_with: Callable[..., Settings]) -> AsyncGenerator[Engine]:
    """It makes one reply at a time."""
    settings = settings_with(OPENAI_BASE_URL=upstream.base_url, LOCAL_MODEL="off", MAX_CONCURRENT_STREAMS="1")
    databases.make_schema(settings.database_url)
    async with open_engine(settings, Metrics()) as opened:
        yield opened


async def ended(engine: Engine, run: Run) -> bool:
    found = await engine.database.read(lambda transaction: RunRepository(transaction).get(run.id))
    return found is not None and found.status.is_final


async def test_a_stop_at_its_very_beginning_ends_it_and_gives_its_slot_back(engine: Engine):
    """So many turns of the event loop after it was told of the run; a task that is cancelled before its first
    step does nothing, not even what it would do at its end."""
    for turns, stops in itertools.product(range(6), (1, 2)):
        run = await queued(engine.database)
        job = Job.of(run)
        await engine.database.write(lambda work, run=run: RunRepository(work).cancel(run.id))
        engine.broadcast.publish(WORKERS, Submitted(job=job))
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(stops):
            engine.broadcast.publish(WORKERS, StopWished(job=job))
        await eventually(lambda run=run: ended(engine, run), seconds=5)
        after = await queued(engine.database, owner="bob")
        engine.broadcast.publish(WORKERS, Submitted(job=Job.of(after)))
        await eventually(lambda after=after: ended(engine, after), seconds=5)
