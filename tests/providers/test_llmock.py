"""A third party's server of faults, and its verdict on how we took them."""

import json
from collections.abc import AsyncGenerator

import pytest
from llmock.pytest_plugin import LLMock

from chatapp.domain.errors import (
    ProviderBusy,
    ProviderError,
    ProviderGarbage,
    ProviderRefused,
    ProviderUnreachable,
)
from chatapp.domain.events import ToolCall
from chatapp.providers.openai import OpenAIProvider
from tests.providers.asking import ask, ask_until_it_breaks, request, said

REPLY = "One two three four five six seven eight nine ten."


@pytest.fixture
async def provider(llmock: LLMock) -> AsyncGenerator[OpenAIProvider]:
    opened = OpenAIProvider(api_key="test", base_url=llmock.base_url("openai"), models=["gpt-4o"])
    await opened.open()
    yield opened
    await opened.close()


async def test_rate_limits_are_waited_out(provider: OpenAIProvider, llmock: LLMock) -> None:
    """Twice refused, then answered."""
    llmock.reply(REPLY).rate_limit(times=2, retry_after=0.05)
    assert said(await ask(provider, request("Hello", model="gpt-4o"))) == REPLY
    llmock.assert_resilient()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("disconnect", ProviderUnreachable), ("truncate", ProviderUnreachable), ("corrupt", ProviderGarbage)],
)
async def test_a_broken_stream_is_an_error(
    provider: OpenAIProvider, llmock: LLMock, fault: str, kind: type[ProviderError]
) -> None:
    """With the text up to there kept."""
    llmock.reply(REPLY).pace(5)
    getattr(llmock, fault)(after_chunks=4)
    events, error = await ask_until_it_breaks(provider, request("Hello", model="gpt-4o"))
    assert isinstance(error, kind)
    assert said(events)
    assert REPLY.startswith(said(events))


async def test_an_outage(provider: OpenAIProvider, llmock: LLMock) -> None:
    """Three tries, then the error."""
    llmock.outage()
    _, error = await ask_until_it_breaks(provider, request("Hello", model="gpt-4o"))
    assert isinstance(error, ProviderBusy)
    assert len(llmock.requests) == 3


async def test_a_context_that_is_too_long(provider: OpenAIProvider, llmock: LLMock) -> None:
    """Refused once, in words that say what to do."""
    llmock.context_overflow()
    _, error = await ask_until_it_breaks(provider, request("Hello", model="gpt-4o"))
    assert isinstance(error, ProviderRefused)
    assert "start a new chat" in error.message
    assert len(llmock.requests) == 1


async def test_tool_calls_are_whole(provider: OpenAIProvider, llmock: LLMock) -> None:
    """Arguments come in fragments."""
    llmock.call_tool("weather", {"city": "Zürich", "days": [1, 2, 3]})
    events = await ask(provider, request("Hello", model="gpt-4o"))
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [call.name for call in calls] == ["weather"]
    assert json.loads(calls[0].arguments) == {"city": "Zürich", "days": [1, 2, 3]}
