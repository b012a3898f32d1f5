"""The line between browser and server is cut, in every way that lines are: the page catches up by itself."""

import asyncio
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Error, async_playwright, expect

from tests.app_server import AppServer
from tests.chaos.ending import TOKENS, ends_right
from tests.e2e.fixtures import CHROMIUM
from tests.e2e.visitor import Visitor
from tests.needs import chromium_path, require
from tests.tcp_proxy import Proxy

RATE: Final = 60
#: Until a tab is live again: after a reset, and after silence that nobody told it of.
AFTER_RESET_S: Final = 5.0
AFTER_SILENCE_S: Final = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A visitor whose line to the server goes through a proxy."""

    visitor: Visitor
    proxy: Proxy
    server: AppServer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def one_line(mortal: AppServer) -> AsyncGenerator[Line]:
    """A browser that finds the app's address at the proxy, so that the page notices nothing of it."""
    require("chromium")
    async with Proxy(mortal.port) as proxy, async_playwright() as playwright:
        rule = f"--host-resolver-rules=MAP localhost:{mortal.port} 127.0.0.1:{proxy.port}"
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=[*CHROMIUM, rule])
        visitor = await Visitor.came(browser, mortal.url)
        visitor.was_cut = True
        yield Line(visitor=visitor, proxy=proxy, server=mortal)
        await visitor.leaves()
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def line(one_line: Line, mortal: AppServer) -> Line:
    """The line, whole, to a server that runs."""
    # The browser keeps connections for the next request; one that was left silent would swallow it.
    one_line.proxy.cut()
    one_line.proxy.heal()
    if not mortal.is_running:
        await asyncio.to_thread(mortal.start)
    return one_line


async def test_a_reset_line_is_noticed_and_made_good(line: Line) -> None:
    """The page says that it is offline, keeps what is written and sent meanwhile, and sends it once."""
    screen = await line.visitor.opens()
    words = [f"First [n:{TOKENS} r:{RATE}]", f"In the dark [n:{TOKENS} r:1000]"]
    await screen.sends(words[0])
    await screen.reply_shows(30)
    line.proxy.cut()
    await expect(screen.connection).to_have_attribute("data-connection", "offline")
    await expect(screen.connection).to_contain_text("Offline")
    await screen.sends(words[1])
    await screen.writes("a draft")
    line.proxy.heal()
    await screen.is_online(within=AFTER_RESET_S)
    await ends_right(screen, line.server, words)
    await expect(screen.composer).to_have_value("a draft")


@pytest.mark.parametrize("is_long", [False, True])
async def test_silence_on_the_line_loses_nothing(line: Line, is_long: bool) -> None:
    """What was sent into it arrives once, and the reply goes on where it was. When it is long, the page says
    so, though nobody told it."""
    screen = await line.visitor.opens()
    words = [f"First [n:{TOKENS} r:{RATE}]", f"In the silence [n:{TOKENS} r:1000]"]
    await screen.sends(words[0])
    await screen.reply_shows(30)
    line.proxy.silence()
    await screen.sends(words[1])
    await screen.writes("a draft")
    notice = screen.page.get_by_text("What you write is kept, and sent when the connection is back.")
    if is_long:
        await expect(notice).to_be_visible(timeout=AFTER_SILENCE_S * 1000)
        await expect(screen.connection).not_to_have_attribute("data-connection", "online")
    else:
        await asyncio.sleep(1)  # this is the fault, not a wait
    line.proxy.heal()
    await screen.is_online(within=AFTER_SILENCE_S)
    await expect(notice).to_have_count(0)
    await ends_right(screen, line.server, words)
    await expect(screen.composer).to_have_value("a draft")


async def test_a_half_open_connection_is_given_up(line: Line) -> None:
    """The other side is gone and never said so: the page finds out and connects anew."""
    screen = await line.visitor.opens()
    words = [f"First [n:{TOKENS} r:{RATE}]", f"Into the void [n:{TOKENS} r:1000]"]
    await screen.sends(words[0])
    await screen.reply_shows(30)
    line.proxy.strand()
    await screen.sends(words[1])
    await screen.reply_shows(TOKENS - 1, within=AFTER_SILENCE_S)
    await ends_right(screen, line.server, words)


async def test_cuts_at_random_moments(line: Line, chance: random.Random, rounds: int) -> None:
    """Reset again and again while a reply streams: no token is lost or doubled."""
    screen = await line.visitor.opens()
    words = f"Often [n:{TOKENS} r:{RATE}]"
    await screen.sends(words)
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(0, 0.8))
        line.proxy.cut()
        line.proxy.heal()
    await screen.is_online(within=AFTER_RESET_S)
    await ends_right(screen, line.server, [words])


async def test_a_reload_without_a_line_keeps_what_was_sent_and_written(line: Line) -> None:
    """The browser has only its own error page then; afterwards all is there, and sent once."""
    screen = await line.visitor.opens()
    words = [f"First [n:{TOKENS} r:1000]", f"In the dark [n:{TOKENS} r:1000]"]
    await screen.sends(words[0])
    await screen.reply_is("complete")
    path = f"/c/{screen.conversation_id}"
    line.proxy.cut()
    await screen.sends(words[1])
    await screen.writes("a draft")
    with pytest.raises(Error):
        await screen.page.reload()
    await screen.page.wait_for_url("chrome-error://chromewebdata/")
    line.proxy.heal()
    await screen.goes_to(path)
    await ends_right(screen, line.server, words)
    await expect(screen.composer).to_have_value("a draft")


async def test_a_first_message_without_a_line_waits(line: Line) -> None:
    """On the page of a new chat: it is shown, kept over a closed tab, and sent by the next one."""
    screen = await line.visitor.opens()
    line.proxy.cut()
    await expect(screen.connection).to_have_attribute("data-connection", "offline")
    words = f"Out of the dark [n:{TOKENS} r:1000]"
    await screen.sends(words)
    path = f"/c/{screen.conversation_id}"
    await screen.page.close()
    line.proxy.heal()
    again = await line.visitor.opens(path)
    await ends_right(again, line.server, [words])
