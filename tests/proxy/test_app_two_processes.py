"""Two web processes: when one dies, its tabs are live on the other, and nobody else is disturbed."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.chaos.ending import TOKENS, ends_right
from tests.e2e.entrance import Entrance
from tests.e2e.fixtures import Come
from tests.e2e.members import created
from tests.e2e.screen import Screen
from tests.proxy.pair import Pair as Processes
from tests.waiting import eventually

#: Until the service answers again, and until the tab of a dead process is live on another.
SERVICE_BACK_S: Final = 3.0
TAB_BACK_S: Final = 5.0
#: Notes whatever the page says of its connection from now on.
WATCH: Final = """
globalThis.said = [];
new MutationObserver((all) => said.push(...all.map((one) => one.target.dataset.connection)))
  .observe(document, { subtree: true, attributeFilter: ["data-connection"] });
"""


@pytest_asyncio.fixture(loop_scope="session")
async def both(pair: Processes) -> AsyncGenerator[Processes]:
    """The two, both alive before and after."""
    for server in pair.servers:
        if not server.is_running:
            await pair.started(server)
    yield pair


async def tabs_on(both: Processes, come: Come, dies: AppServer) -> tuple[Screen, Screen]:
    """Two people, the first with a tab on the process that will die, the second on the other."""
    visitors = [await come(both.url, ignore_https_errors=True) for _ in range(2)]
    for one in visitors:
        one.was_cut = True
    first = await visitors[0].opens()
    is_there = await both.pages(dies) == 1
    second = await visitors[1].opens()
    assert [await both.pages(server) for server in both.servers] == [1, 1]
    return (first, second) if is_there else (second, first)


@pytest.mark.parametrize("dies", ["maker", "other"])
async def test_a_tab_whose_process_dies_is_live_on_another(both: Processes, come: Come, dies: str) -> None:
    """Logged in, same conversation, draft kept, the reply whole; the other's tab does not even notice."""
    dying = both.maker if dies == "maker" else both.other(both.maker)
    left = both.other(dying)
    await eventually(lambda: _none(both))
    mine, others = await tabs_on(both, come, dying)
    words = f"Numbers [n:{TOKENS} r:60]"
    for screen in (mine, others):
        await screen.sends(words)
        await screen.writes("half a thought")
        await screen.page.evaluate(WATCH)
    place, loads = mine.page.url, list[str]()
    for screen in (mine, others):
        screen.page.on("load", lambda page: loads.append(page.url))
    live = mine if dies == "maker" else others
    await live.reply_shows(20)
    died = time.monotonic()
    await asyncio.to_thread(dying.kill)
    async with both.caddy.async_client() as client:
        assert (await client.get("/c/1f2e")).status_code == 200
    assert time.monotonic() - died < SERVICE_BACK_S
    await eventually(lambda: _has(both, left, 2), seconds=TAB_BACK_S)
    await mine.is_online(within=max(0.01, died + TAB_BACK_S - time.monotonic()))
    await expect(mine.composer).to_have_value("half a thought")
    for screen in (mine, others):
        await ends_right(screen, left, [words])
        await expect(screen.composer).to_have_value("half a thought")
        await expect(screen.sidebar.get_by_role("link")).to_have_count(1)
    assert mine.page.url == place
    assert loads == []
    assert "online" in await mine.page.evaluate("said")
    assert await others.page.evaluate("said") == []


async def test_a_log_in_ends_on_another_process_than_it_began(both: Processes, come: Come) -> None:
    """The page asks on its socket; its cookie is set where the least is open, and that is elsewhere."""
    await eventually(lambda: _none(both))
    member = await created(both.servers[0], "ann@example.org")
    visitor = await come(both.url, ignore_https_errors=True)
    screen = await visitor.tab()
    await screen.page.goto("/login")
    await Entrance(screen).is_shown()
    asked, answers = both.servers if await both.pages(both.servers[0]) else reversed(both.servers)
    await Entrance(screen).logs_in(member.email)
    assert "route=/api/admit" in answers.log
    assert "route=/api/admit" not in asked.log


async def _none(both: Processes) -> bool:
    return [await both.pages(server) for server in both.servers] == [0, 0]


async def _has(both: Processes, server: AppServer, pages: int) -> bool:
    return await both.pages(server) == pages
