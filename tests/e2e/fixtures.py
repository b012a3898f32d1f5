"""One browser and one running app for all tests; each test brings visitors of its own."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.app_build import Build
from tests.app_server import AppServer, app_build, servers  # noqa: F401
from tests.e2e.saying import Say, sayer
from tests.e2e.visitor import Visitor
from tests.needs import chromium_path, require
from tests.upstream import Upstream

CHROMIUM: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Many tests are one address for the server.
SETTINGS: Final = {"OPENAI_API_KEY": "none", "MAX_STREAMS_PER_USER": "50"}

Come = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncGenerator[Browser]:
    """A Chromium of this machine."""
    require("chromium")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM))
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def upstream() -> AsyncGenerator[Upstream]:
    """A server of models whose replies are ordered by the messages."""
    async with Upstream() as running:
        yield running


@pytest.fixture
def say(upstream: Upstream) -> Say:
    """Makes the shared model say a test's own words."""
    return sayer(upstream)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(
    app_build: Build,  # noqa: F811
    upstream: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[AppServer]:
    """The app that tests share which do it no harm."""
    with servers(app_build, tmp_path_factory.mktemp("e2e")) as start:
        # In a thread, since the app asks the upstream for its models, which lives on this loop.
        yield await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url, **SETTINGS)


@pytest_asyncio.fixture(loop_scope="session")
async def mortal(
    app_build: Build,  # noqa: F811
    upstream: Upstream,
    tmp_path: Path,
) -> AsyncGenerator[AppServer]:
    """An app that is restarted."""
    with servers(app_build, tmp_path) as start:
        yield await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url, **SETTINGS)


@pytest_asyncio.fixture(loop_scope="session")
async def come(browser: Browser) -> AsyncGenerator[Come]:
    """`visitor = await come(url)`: new visitors, who must all have seen nothing wrong at the end."""
    visitors: list[Visitor] = []

    async def came(url: str, **options: object) -> Visitor:
        visitors.append(await Visitor.came(browser, url, **options))
        return visitors[-1]

    yield came
    for visitor in visitors:
        await visitor.leaves()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(come: Come, server: AppServer) -> Visitor:
    """A new visitor of the shared app."""
    return await come(server.url)
