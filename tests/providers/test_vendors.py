"""What holds for every vendor whose wire format we read, on a server that works and on one that hangs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from chatapp.domain.events import Reasoning, ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.providers.base import ModelRequest, Provider, StepEnd
from tests.providers.asking import ask, end, request, said, thought
from tests.providers.vendors import Vendor, provider_of, url_of
from tests.upstream import Upstream, text
from tests.waiting import until

CHUNKINGS = ["", "byte", "split", "crlf", "cr", "many", "comments", "nospace", "multiline"]
MODELS = {"openai": "mock", "gemini": "gemini-2.5-mock"}


@pytest.fixture(params=["openai", "gemini"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """Each in turn."""
    return request.param


@pytest.fixture
async def provider(vendor: Vendor, upstream: Upstream) -> AsyncGenerator[Provider]:
    """The vendor's provider."""
    opened = provider_of(vendor, url_of(vendor, upstream))
    await opened.open()
    await opened.wait_ready()
    yield opened
    await opened.close()


def asked(vendor: Vendor, message: str, *, limit: int = 100_000) -> ModelRequest:
    return request(message, model=MODELS[vendor], limit=limit)


@pytest.mark.parametrize("chunk", CHUNKINGS)
async def test_every_way_of_writing_gives_the_same_text(
    vendor: Vendor, provider: Provider, chunk: str
) -> None:
    """Byte for byte, with usage and finish reason."""
    events = await ask(provider, asked(vendor, f"[n:120 r:2000 chunk:{chunk or 'none'}]"))
    assert said(events) == text(120)
    assert end(events).usage == Usage(input_tokens=11, output_tokens=120)
    assert end(events).finish_reason is FinishReason.STOP


async def test_reasoning_comes_first_and_calls_last(vendor: Vendor, provider: Provider) -> None:
    """Parts of their own, whatever the vendor's way: thoughts, words, whole calls with ids and JSON."""
    events = await ask(provider, asked(vendor, "[n:5 reason:3 tool:weather]"))
    assert (thought(events), said(events)) == ("r0 r1 r2 ", text(5))
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [call.name for call in calls] == ["weather", "weather"]
    assert len({call.id for call in calls if call.id}) == 2
    assert [call.arguments for call in calls] == ['{"city": "Zürich"}', "{}"]
    kinds = [type(event) for event in events]
    assert kinds.index(ToolCall) > kinds.index(Reasoning)
    assert isinstance(events[0], Reasoning)
    assert kinds[-3:] == [ToolCall, ToolCall, StepEnd]
    assert end(events).finish_reason is FinishReason.TOOL_CALLS


async def test_the_length_is_bounded(vendor: Vendor, provider: Provider) -> None:
    """By the server, which says so."""
    events = await ask(provider, asked(vendor, "[n:50]", limit=7))
    assert said(events) == text(7)
    assert end(events).finish_reason is FinishReason.LENGTH


async def test_closing_closes_upstream(vendor: Vendor, provider: Provider, upstream: Upstream) -> None:
    """At once the server knows that nobody listens."""
    async with aclosing(provider.stream(asked(vendor, "[n:10000 r:30]"))) as batches:
        await anext(batches)
    async with asyncio.timeout(10):
        await upstream.requests[0].ended.wait()
    assert upstream.requests[0].outcome == "closed"


@pytest.mark.parametrize("fault", ["none", "hang-headers", "hang-first", "hang"])
async def test_cancelling_closes_upstream(
    vendor: Vendor, provider: Provider, upstream: Upstream, fault: str
) -> None:
    """Wherever the request stands, also where nothing comes that could wake it."""
    task = asyncio.create_task(ask(provider, asked(vendor, f"[n:10000 r:30 fault:{fault} at:3]")))
    tokens = 3 if fault in {"none", "hang"} else 0
    await until(lambda: upstream.requests and upstream.requests[0].tokens >= tokens)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await upstream.requests[0].ended.wait()
    assert len(upstream.requests) == 1


async def test_a_connection_is_used_again(vendor: Vendor, provider: Provider, upstream: Upstream) -> None:
    """Also when the caller stops asking after the end of the step; all are closed with the provider."""
    for _ in range(5):
        async with aclosing(provider.stream(asked(vendor, "[n:5]"))) as batches:
            async for batch in batches:
                if isinstance(batch[-1], StepEnd):
                    break
    assert len(upstream.connections) == 1
    await provider.close()
    await until(lambda: not upstream.connections)


async def test_the_pool_holds_all_replies_at_once(
    vendor: Vendor, provider: Provider, upstream: Upstream
) -> None:
    """aiohttp's own limit is 100: the 101st person would wait for somebody's reply to end."""
    asking = [asyncio.create_task(ask(provider, asked(vendor, f"[n:60 r:20 id:{i}]"))) for i in range(150)]
    await until(lambda: upstream.open_streams == 150)
    for events in await asyncio.gather(*asking):
        assert said(events) == text(60)
