"""OpenAI's SDK in the hands of the tests' people."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.api.conftest import Serving
from tests.api.served import Api
from tests.upstream import Upstream

GO = [{"role": "user", "content": "Go [n:40 reason:3]"}]


class Programs:
    """A served app, the model's server behind it, and the SDK in the hands of several people."""

    def __init__(self, api: Api, upstream: Upstream) -> None:
        self.api, self.upstream = api, upstream
        self._open: list[AsyncOpenAI] = []

    def key(self, name: str = "Ann") -> str:
        """A guest's token."""
        return self.api.services.tokens.issue(name).token

    def sdk(self, key: str | None = None) -> AsyncOpenAI:
        """The SDK with an address and a token, as its documentation says, and nothing else."""
        client = AsyncOpenAI(base_url=f"{self.api.url}/v1", api_key=key or self.key(), max_retries=0)
        self._open.append(client)
        return client

    async def close(self) -> None:
        for client in self._open:
            await client.close()


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    async with Upstream() as server:
        yield server


@asynccontextmanager
async def programs_of(serving: Serving, upstream: Upstream, **env: str) -> AsyncIterator[Programs]:
    chosen = {"OPENAI_BASE_URL": upstream.base_url, "DEFAULT_MODEL": "openai:mock", **env}
    async with serving(**chosen) as api:
        programs = Programs(api, upstream)
        yield programs
        await programs.close()


@pytest.fixture
async def programs(serving: Serving, upstream: Upstream) -> AsyncGenerator[Programs]:
    async with programs_of(serving, upstream) as opened:
        yield opened


async def ask(sdk: AsyncOpenAI, messages: Any = GO, *, model: str = "default", **more: Any) -> ChatCompletion:
    return await sdk.chat.completions.create(model=model, messages=messages, **more)


async def stream(
    sdk: AsyncOpenAI, messages: Any = GO, *, model: str = "default", **more: Any
) -> AsyncStream[ChatCompletionChunk]:
    return await sdk.chat.completions.create(model=model, messages=messages, stream=True, **more)


async def chunks_of(sdk: AsyncOpenAI, messages: Any = GO, **more: Any) -> list[ChatCompletionChunk]:
    return [chunk async for chunk in await stream(sdk, messages, **more)]


def said(chunks: list[ChatCompletionChunk], field: str = "content") -> str:
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    return "".join(getattr(delta, field, None) or "" for delta in deltas)


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


async def broken_off(chunks: AsyncIterator[ChatCompletionChunk]) -> tuple[str, openai.APIError]:
    """What was said, and the exception that the SDK raises then."""
    heard: list[ChatCompletionChunk] = []
    try:
        async for chunk in chunks:
            heard.append(chunk)  # noqa: PERF401 - what came before the exception is wanted
    except openai.APIError as error:
        return said(heard), error
    raise AssertionError("it ended as if it were whole")
