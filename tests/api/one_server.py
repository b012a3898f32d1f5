"""One server, and one upstream behind it, for all tests of a file: as fixtures that the file imports.

The file's `SETTINGS` are the server's. Who ends it starts it again.
"""

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.api.process import ApiServer, api_servers
from tests.upstream import Upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncGenerator[Upstream]:
    async with Upstream() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> AsyncGenerator[ApiServer]:
    settings: dict[str, str] = request.module.SETTINGS
    with api_servers(tmp_path_factory.mktemp("api")) as start:
        yield await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url, **settings)
