"""What real conversations leave in the numbers."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from chatapp.bootstrap import open_services
from chatapp.domain.events import Attempt, Chunk, Context, Done, Logged, RunEvent
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import FinishReason, Status, Usage
from chatapp.engine import measuring
from chatapp.settings import Settings
from chatapp.telemetry.exchange import known
from chatapp.telemetry.metrics import Metrics
from tests.chat import Chat, locked
from tests.drawn import BLANK
from tests.telemetry.told import Told, told
from tests.upstream import Upstream
from tests.waiting import until

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Measured(Chat):
    """A chat whose numbers can be asked for."""

    metrics: Metrics

    @property
    def told(self) -> Told:
        return told(self.metrics.exposition("")[0])


@pytest.fixture
async def measured(upstream: Upstream, settings_with: Callable[..., Settings]) -> AsyncGenerator[Measured]:
    metrics = Metrics()
    settings = settings_with(OPENAI_BASE_URL=upstream.base_url, LOCAL_MODEL="off", MAX_CONCURRENT_STREAMS="2")
    async with open_services(settings, metrics) as services:
        chat = Measured(services, upstream)
        chat.metrics = metrics
        yield chat


async def test_a_conversation(measured: Measured) -> None:
    """Two replies that came well, one that was stopped, one whose server broke."""
    for text in ("One [n:40 r:100 t:300]", "Two [n:20 r:1000]"):
        await measured.ended(await measured.send(text))
    stopped = await measured.send("Three [n:500 r:50]")
    await measured.has_text(stopped)
    await measured.stop(stopped)
    await measured.ended(stopped)
    await measured.ended(await measured.send("Four [n:20 fault:400]"))
    await until(lambda: sum(measured.told["chatapp_runs_total"].values()) == 4)
    found = measured.told
    assert found["chatapp_runs_total"] == {
        ("none", "complete"): 2,
        ("none", "stopped"): 1,
        ("context_too_long", "failed"): 1,
    }
    assert found["chatapp_provider_errors_total"] == {("context_too_long", "openai"): 1}
    assert found["chatapp_tokens_total"]["output", "openai"] == 60
    assert found["chatapp_first_token_seconds_count"] == {("openai",): 3}
    assert found["chatapp_first_token_seconds_sum"]["openai",] >= 0.2
    assert found["chatapp_queue_wait_seconds_count"] == {(): 4}
    assert found["chatapp_tokens_per_second_count"]["openai",] >= 1
    rate = (
        found["chatapp_tokens_per_second_sum"]["openai",]
        / found["chatapp_tokens_per_second_count"]["openai",]
    )
    assert 10 < rate < 2000
    # Each event of each run went through one commit or another.
    assert found["chatapp_log_flush_events_sum"][()] >= 4 * 3
    assert found["chatapp_log_flush_seconds_count"] == found["chatapp_log_flush_events_count"]
    assert found["chatapp_database_write_wait_seconds_count"][()] >= 8


async def test_what_waits_is_seen_while_it_waits(measured: Measured) -> None:
    held = [await measured.send(f"Held [id:h{n} n:60 fault:hang at:20 tries:1]") for n in range(2)]
    for turn in held:
        await measured.has_text(turn)
    waits = await measured.send("Waits [n:3]")
    found = measured.told
    assert (found["chatapp_runs_active"], found["chatapp_queue_length"]) == ({(): 2}, {(): 1})
    before = found["chatapp_queue_wait_seconds_sum"][()]
    for turn in held:
        await measured.stop(turn)
    await measured.ended(waits)
    await until(lambda: measured.told["chatapp_runs_active"] == {(): 0})
    found = measured.told
    assert found["chatapp_queue_length"] == {(): 0}
    assert found["chatapp_queue_wait_seconds_count"] == {(): 3}
    assert found["chatapp_queue_wait_seconds_sum"][()] > before


async def test_a_locked_file_shows_in_how_long_writes_wait(measured: Measured) -> None:
    settings = measured.services.settings
    with locked(settings):
        sending = asyncio.create_task(measured.send("Hello [n:3]"))
        await asyncio.sleep(0.6)
    await measured.ended(await sending, seconds=20)
    assert measured.told["chatapp_database_write_wait_seconds_sum"][()] >= 0.5


def test_text_that_is_continued_is_no_first_token() -> None:
    """And the model that failed before another went on is not the one that spoke."""
    metrics = Metrics()
    events: list[tuple[float, RunEvent]] = [
        (0.0, Attempt(attempt=1, model="gemini:a", reason="continue")),
        (0.0, Chunk(content="What was there")),
        (0.0, Context(left_out=0, input_tokens=1)),
        (5.0, Attempt(attempt=1, model="openai:b", reason="down", keep_chars=14)),
        (5.0, Context(left_out=0, input_tokens=1)),
        (7.0, Chunk(content=" and more")),
        (9.0, Chunk(content=" and more")),
    ]
    records = [
        Logged(seq=seq, at=BEGAN + timedelta(seconds=at), event=event)
        for seq, (at, event) in enumerate(events, 1)
    ]
    usage = Usage(input_tokens=5, output_tokens=20)
    done = Done(status=Status.COMPLETE, finish_reason=FinishReason.STOP, usage=usage)
    end = Logged(seq=8, at=records[-1].at, event=done)
    measuring.ended(metrics, records, Snapshot(message=BLANK).after([*records, end]).message)
    found = told(metrics.exposition("")[0])
    assert found["chatapp_first_token_seconds_sum"] == {("openai",): 2.0}
    assert found["chatapp_tokens_per_second_sum"] == {("openai",): 10.0}
    assert found["chatapp_tokens_total"] == {("input", "openai"): 5, ("output", "openai"): 20}


async def test_lines_about_a_run_name_it(measured: Measured) -> None:
    """Whoever logs them: the provider, the maker."""
    seen = list[tuple[str, str]]()

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.levelname, known().get("run_id", "")))

    logger, handler = logging.getLogger("chatapp.engine"), Seen()
    logger.addHandler(handler)
    try:
        turn = await measured.send("Hello [n:3]")
        await measured.ended(turn)
        await until(lambda: ("INFO", turn.run_id) in seen)
    finally:
        logger.removeHandler(handler)
