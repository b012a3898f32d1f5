"""An address at which nothing may be heard, and a page of which nothing may come alive."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.e2e.screen import Screen
from tests.e2e.test_markdown import is_unhurt
from tests.waiting import until

#: What is alive in the whole page and is not the page's own.
ALIVE: Final = "body :is(iframe, object, embed, base, [onerror], [onload], [onfocus], [ontoggle], [srcdoc])"


@dataclass(kw_only=True)
class Ear:
    """An address at which nothing may be heard."""

    address: str = ""
    heard: int = 0


@pytest_asyncio.fixture(loop_scope="session")
async def ear() -> AsyncGenerator[Ear]:
    """Listens."""
    found = Ear()

    async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.heard += 1
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1")
    found.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def harmless(ear: Ear, *browsers: BrowserContext) -> AsyncGenerator[None]:
    """Nothing runs in their tabs meanwhile and nothing is heard; afterwards what would have told of it is
    tried."""
    ran = list[str]()
    for browser in browsers:
        await browser.expose_function("ran", lambda what: ran.append(str(what)))
    yield
    assert ran == []
    assert ear.heard == 0
    for count, browser in enumerate(browsers, start=1):
        await browser.pages[-1].evaluate("ran('asked')")
        await until(lambda count=count: ran == ["asked"] * count)
    _, writer = await asyncio.open_connection("127.0.0.1", int(ear.address.rpartition(":")[2]))
    writer.close()
    await until(lambda: ear.heard == 1)


async def is_dead(screen: Screen) -> None:
    """No element of the page is one that came with a text."""
    await is_unhurt(screen)
    assert await screen.page.locator(ALIVE).count() == 0
