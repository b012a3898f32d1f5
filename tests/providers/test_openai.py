"""What the provider asks of a server that works, and how it lets go of it."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from chatapp.domain.errors import NoModel
from chatapp.domain.events import ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.providers.base import StepEnd
from chatapp.providers.dialect import CONTINUE
from chatapp.providers.openai import OpenAIProvider
from tests.providers.asking import ask, end, request, said, thought
from tests.upstream import Upstream, text
from tests.waiting import until

CHUNKINGS = ["", "byte", "split", "crlf", "cr", "many", "comments", "nospace", "multiline"]


@pytest.mark.parametrize("chunk", CHUNKINGS)
async def test_every_way_of_writing_gives_the_same_text(provider: OpenAIProvider, chunk: str) -> None:
    """Byte for byte, with usage and finish reason."""
    events = await ask(provider, request(f"[n:120 r:2000 chunk:{chunk or 'none'}]"))
    assert said(events) == text(120)
    assert end(events).usage == Usage(input_tokens=11, output_tokens=120)
    assert end(events).finish_reason is FinishReason.STOP


async def test_reasoning_and_tools(provider: OpenAIProvider) -> None:
    """Reasoning comes before the text, whole tool calls after it."""
    events = await ask(provider, request("[n:5 reason:3 tool:weather]"))
    assert (thought(events), said(events)) == ("r0 r1 r2 ", text(5))
    assert [event.arguments for event in events if isinstance(event, ToolCall)] == [
        '{"city": "Zürich"}',
        "{}",
    ]
    assert end(events).finish_reason is FinishReason.TOOL_CALLS


async def test_the_length_is_bounded(provider: OpenAIProvider, upstream: Upstream) -> None:
    """By the server, which says so."""
    events = await ask(provider, request("[n:50]", limit=7))
    assert said(events) == text(7)
    assert end(events).finish_reason is FinishReason.LENGTH
    assert upstream.requests[0].body["max_tokens"] == 7


@pytest.mark.parametrize("field", ["stream_options", "max_tokens"])
async def test_a_field_that_the_server_refuses_is_left_out(
    provider: OpenAIProvider, upstream: Upstream, field: str
) -> None:
    """Once refused, it is not sent to this model again."""
    for _ in range(2):
        assert said(await ask(provider, request(f"[n:5 refuse:{field}]"))) == text(5)
    assert [record.outcome for record in upstream.requests] == ["400", "complete", "complete"]


@pytest.mark.parametrize("system", ["", "Be kind."])
async def test_an_unfinished_reply_stays_last(
    provider: OpenAIProvider, upstream: Upstream, system: str
) -> None:
    """Servers that prefill go on from it; for the others it is said in words."""
    given = text(30)[:-2]
    events = await ask(provider, request("[n:60]", given=given, system=system))
    assert given + said(events) == text(60)
    messages = upstream.requests[0].body["messages"]
    assert messages[-1] == {"role": "assistant", "content": given}
    assert messages[0]["role"] == "system"
    assert messages[0]["content"].startswith(system)
    assert messages[0]["content"].endswith(CONTINUE)


async def test_closing_closes_upstream(provider: OpenAIProvider, upstream: Upstream) -> None:
    """At once the server knows that nobody listens."""
    async with aclosing(provider.stream(request("[n:10000 r:30]"))) as batches:
        await anext(batches)
    async with asyncio.timeout(10):
        await upstream.requests[0].ended.wait()
    assert upstream.requests[0].outcome == "closed"


@pytest.mark.parametrize("fault", ["none", "hang-headers", "hang-first", "hang"])
async def test_cancelling_closes_upstream(provider: OpenAIProvider, upstream: Upstream, fault: str) -> None:
    """Wherever the request stands."""
    task = asyncio.create_task(ask(provider, request(f"[n:10000 r:30 fault:{fault} at:3]")))
    tokens = 3 if fault in {"none", "hang"} else 0
    await until(lambda: upstream.requests and upstream.requests[0].tokens >= tokens)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await upstream.requests[0].ended.wait()
    assert len(upstream.requests) == 1


async def test_closing_the_provider_closes_all(upstream: Upstream) -> None:
    """No connection is left behind."""
    provider = OpenAIProvider(api_key="secret-key", base_url=upstream.base_url, models=["mock"])
    await provider.open()
    await ask(provider, request("[n:5]"))
    await provider.close()
    await until(lambda: not upstream.connections)


async def test_a_connection_is_used_again(provider: OpenAIProvider, upstream: Upstream) -> None:
    """Also when the caller stops asking after the end of the step."""
    await provider.models()
    for _ in range(5):
        async with aclosing(provider.stream(request("[n:5]"))) as batches:
            async for batch in batches:
                if isinstance(batch[-1], StepEnd):
                    break
    assert len(upstream.connections) == 1


async def test_the_pool_holds_all_replies_at_once(upstream: Upstream) -> None:
    """aiohttp's own limit is 100: the 101st person would wait for somebody's reply to end."""
    provider = OpenAIProvider(
        api_key="secret-key", base_url=upstream.base_url, models=["mock"], max_connections=150
    )
    await provider.open()
    tasks = [asyncio.create_task(ask(provider, request(f"[n:30 r:20 id:{i}]"))) for i in range(150)]
    await until(lambda: upstream.open_streams == 150)
    for events in await asyncio.gather(*tasks):
        assert said(events) == text(30)
    await provider.close()


async def test_models_come_from_the_server(provider: OpenAIProvider, upstream: Upstream) -> None:
    """With the window that it says, asked once."""
    assert [model.id for model in await provider.models()] == ["openai:mock", "openai:mock-400-30"]
    assert [model.context_tokens for model in await provider.models()] == [32768, 8192]
    assert upstream.model_lists == 1


async def test_models_from_the_setting_need_no_answer() -> None:
    """In the setting's order, usable at once."""
    provider = OpenAIProvider(api_key="k", base_url="http://127.0.0.1:1/v1", models=["gpt-4o", "b"])
    await provider.open()
    assert provider.readiness().usable
    assert [model.context_tokens for model in await provider.models()] == [128_000, 8192]
    await provider.wait_ready()
    await provider.close()


async def test_no_list_of_models(upstream: Upstream) -> None:
    """Nothing on offer, and the reason."""
    upstream.models = None
    provider = OpenAIProvider(api_key="secret-key", base_url=upstream.base_url)
    await provider.open()
    assert provider.readiness().is_coming
    assert await provider.models() == ()
    assert not provider.readiness().usable
    assert "500" in provider.readiness().message
    with pytest.raises(NoModel, match="500"):
        await provider.wait_ready()
    await provider.close()


async def test_an_estimate_of_tokens_errs_upwards(provider: OpenAIProvider) -> None:
    """A context that is thought too long loses an old message; one that is too long is refused."""
    english = "The quick brown fox jumps over the lazy dog. " * 10  # 101 tokens by o200k_base
    chinese = "敏捷的棕色狐狸跳过了懒狗。" * 10  # 150 by cl100k_base
    counts = await provider.count_tokens("mock", ["", english, chinese])
    assert 0 < counts[0] < 10
    assert 101 <= counts[1] <= 202
    assert 150 <= counts[2] <= 300


def test_durations_are_durations() -> None:
    """The defaults leave time for a model that thinks."""
    assert OpenAIProvider(api_key="k").readiness().is_coming
    OpenAIProvider(api_key="k", first_byte_timeout=timedelta(minutes=5))
