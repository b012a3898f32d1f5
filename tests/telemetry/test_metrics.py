"""Instruments: bounded whatever comes in, and of their own for each that is opened."""

import asyncio
import time
from typing import Any

from prometheus_client.openmetrics import parser as openmetrics

from chatapp.telemetry.loop_lag import PERIOD, watch_loop
from chatapp.telemetry.metrics import Metrics
from tests.telemetry.told import Told, told


def values(metrics: Metrics) -> Told:
    """What is told of them now."""
    return told(metrics.exposition("text/plain")[0])


def test_two_of_them_know_nothing_of_each_other() -> None:
    """Tests, and reloads, open the app twice in one process."""
    one, other = Metrics(), Metrics()
    one.run_ended(status="complete", code="")
    assert values(one)["chatapp_runs_total"] == {("none", "complete"): 1}
    assert "chatapp_runs_total" not in values(other)


def test_made_up_methods_and_providers_are_one_label() -> None:
    metrics = Metrics()
    for number in range(500):
        metrics.request_answered(method=f"M{number}", route="/api", status=405, seconds=0)
        metrics.provider_failed(f"provider{number}", "no_model")
    found = values(metrics)
    assert found["chatapp_requests_total"] == {("other", "/api", "4xx"): 500}
    assert found["chatapp_provider_errors_total"] == {("no_model", "other"): 500}


def test_both_formats_can_be_read() -> None:
    metrics = Metrics()
    metrics.run_began(waited=0.3)
    body, content_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    families: dict[str, Any] = {
        one.name: one for one in openmetrics.text_string_to_metric_families(body.decode())
    }
    assert families["chatapp_queue_wait_seconds"].samples
    found = values(metrics)
    assert found["chatapp_queue_wait_seconds_sum"] == {(): 0.3}
    assert found["process_resident_memory_bytes"][()] > 1_000_000


def test_open_things_are_counted_while_they_are_open() -> None:
    metrics = Metrics()
    with metrics.stream_open("sse"), metrics.stream_open("sse"), metrics.socket_open():
        found = values(metrics)
        assert found["chatapp_streams_open"] == {("sse",): 2, ("openai",): 0, ("websocket",): 0}
        assert found["chatapp_sockets_open"] == {(): 1}
    found = values(metrics)
    assert found["chatapp_streams_open"][("sse",)] == found["chatapp_sockets_open"][()] == 0


def test_the_rate_of_tokens_is_known_only_where_there_is_one() -> None:
    metrics = Metrics()
    metrics.tokens_used("openai", input_tokens=10, output_tokens=40, seconds=2.0)
    metrics.tokens_used("openai", input_tokens=10, output_tokens=40, seconds=None)
    metrics.tokens_used("openai", input_tokens=10, output_tokens=0, seconds=2.0)
    found = values(metrics)
    assert found["chatapp_tokens_total"] == {("input", "openai"): 30, ("output", "openai"): 80}
    assert found["chatapp_tokens_per_second_sum"] == {("openai",): 20}
    assert found["chatapp_tokens_per_second_count"] == {("openai",): 1}


async def test_a_loop_that_is_held_up_is_seen() -> None:
    metrics = Metrics()
    watching = asyncio.create_task(watch_loop(metrics))
    await asyncio.sleep(0)
    time.sleep(PERIOD.total_seconds() + 0.3)  # noqa: ASYNC251  (this is what holds it up)
    async with asyncio.timeout(10):
        while not values(metrics)["chatapp_event_loop_lag_seconds_count"][()]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    assert values(metrics)["chatapp_event_loop_lag_seconds_sum"][()] >= 0.25
