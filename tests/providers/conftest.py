"""The tests' own model server, and a provider that is connected to it."""

from collections.abc import AsyncGenerator

import pytest

from chatapp.providers.openai import OpenAIProvider
from tests.upstream import Upstream


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    """A server of numbered tokens."""
    async with Upstream(key="secret-key") as server:
        yield server


@pytest.fixture
async def provider(upstream: Upstream) -> AsyncGenerator[OpenAIProvider]:
    """A provider for it."""
    opened = OpenAIProvider(
        api_key="secret-key",
        base_url=upstream.base_url,
        max_connections=300,
    )
    await opened.open()
    yield opened
    await opened.close()
