"""The app, a server of models and a browser, for programs that are no tests: pictures, measurements."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.app_build import build_app
from tests.app_server import AppServer, servers
from tests.e2e.fixtures import CHROMIUM, SETTINGS
from tests.e2e.saying import Say, sayer
from tests.needs import chromium_path
from tests.upstream import Upstream


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What is running."""

    browser: Browser
    server: AppServer
    say: Say


@asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Everything that a visitor needs, and gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        build = await asyncio.to_thread(build_app, Path(scratch) / "build")
        async with Upstream() as upstream, async_playwright() as playwright:
            with servers(build, Path(scratch)) as start:
                server = await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url, **SETTINGS)
                browser = await playwright.chromium.launch(
                    executable_path=chromium_path(), args=list(CHROMIUM)
                )
                yield Stage(browser=browser, server=server, say=sayer(upstream))
                await browser.close()
