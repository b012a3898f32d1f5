"""Texts of others are texts: wherever they are shown, nothing of them runs and nothing is fetched."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.app_build import Build
from tests.app_server import AppServer, servers
from tests.e2e.fixtures import SETTINGS, Come
from tests.e2e.hostile import LINES, heard_at, text_of
from tests.e2e.saying import sayer
from tests.e2e.screen import Screen
from tests.e2e.test_markdown import is_unhurt
from tests.e2e.test_queue import waiting
from tests.e2e.test_sidebar import choose, toast
from tests.upstream import Upstream
from tests.waiting import until

#: What is alive in the whole page and is not the page's own.
ALIVE: Final = "body :is(iframe, object, embed, base, [onerror], [onload], [onfocus], [ontoggle], [srcdoc])"
HOSTILE_MODELS: Final = ("<img/src=EAR/model.png/onerror=ran(1)>", "<svg/onload=ran('fallback')>")
#: A token; several are in a delta, and no payload is in one alone.
SPLIT_CHARS: Final = 3


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


@pytest_asyncio.fixture(loop_scope="session")
async def hostile(ear: Ear) -> AsyncGenerator[Upstream]:
    """A server of models which is nobody's friend, by the names that it gives and the reasons."""
    names = [heard_at(ear.address, name) for name in HOSTILE_MODELS]
    async with Upstream(models=tuple({"id": name, "object": "model"} for name in names)) as upstream:
        upstream.refusal = heard_at(ear.address, LINES[0])
        yield upstream


@pytest_asyncio.fixture(loop_scope="session")
async def app(app_build: Build, hostile: Upstream, tmp_path: Path) -> AsyncGenerator[AppServer]:
    """An app that believes it."""
    fallback = f"openai:{hostile.models[1]['id']}" if hostile.models else ""
    with servers(app_build, tmp_path) as start:
        yield await asyncio.to_thread(
            start, OPENAI_BASE_URL=hostile.base_url, FALLBACK_MODELS=fallback, **SETTINGS
        )


@asynccontextmanager
async def harmless(page: Page, ear: Ear) -> AsyncGenerator[None]:
    """Nothing runs meanwhile and nothing is heard; afterwards what would have told of it is tried."""
    ran = list[str]()
    await page.expose_function("ran", lambda what: ran.append(str(what)))
    yield
    assert ran == []
    assert ear.heard == 0
    await page.evaluate("ran('asked')")
    _, writer = await asyncio.open_connection("127.0.0.1", int(ear.address.rpartition(":")[2]))
    writer.close()
    await until(lambda: ran == ["asked"] and ear.heard == 1)


async def is_dead(screen: Screen) -> None:
    """No element of the page is one that came with a text."""
    await is_unhurt(screen)
    assert await screen.page.locator(ALIVE).count() == 0


async def test_nothing_of_a_text_runs(app: AppServer, come: Come, hostile: Upstream, ear: Ear) -> None:
    """Messages of both sides and thoughts, whole and in pieces; titles, hits, menus, toasts, what waits;
    names of models, errors, seams, announcements; as it streams and when it is opened again."""
    visitor, say = await come(app.url), sayer(hostile)
    text = text_of(ear.address)
    hostile.replies["thoughts"] = tuple(text[at : at + 40] for at in range(0, len(text), 40))
    pieces = [text[at : at + SPLIT_CHARS] for at in range(0, len(text), SPLIT_CHARS)]
    policy = app.get("/").headers["content-security-policy"]
    assert re.search(r"script-src 'self'( 'sha256-[^']+')*;", policy), "the page's last wall"
    screen = await visitor.tab()
    async with harmless(screen.page, ear):
        await screen.goes_to("/")
        await expect(screen.page.get_by_role("combobox", name="Model").locator("option").first).to_have_text(
            heard_at(ear.address, HOSTILE_MODELS[0])
        )
        await screen.sends(say(*pieces, asked=text, r=400, think="thoughts"))
        await screen.reply_is("complete", within=60)
        await expect(screen.reply.locator(".diagram img").first).to_be_visible(timeout=20_000)
        await screen.reply.locator("details.thinking summary").click()
        await expect(screen.reply.locator("details.thinking")).to_contain_text("End of it.")
        await is_dead(screen)
        await screen.asks(say(text))
        await expect(screen.reply).to_contain_text("End of it.")
        await _fails_and_goes_on(screen)
        await _waits(screen, heard_at(ear.address, LINES[1]))
        await _is_kept_in_order(screen)
        await is_dead(screen)
        await screen.page.reload()
        await expect(screen.reply).to_be_visible()
        await screen.is_online()
        await is_dead(screen)
        assert (await screen.page.title()).startswith("<script>ran(")


async def _fails_and_goes_on(screen: Screen) -> None:
    """The reasons of a server, and the names of models that took over."""
    await screen.asks("One fails [n:5 fault:418 tries:1]")
    await expect(screen.reply).to_contain_text(f"{HOSTILE_MODELS[1]} took over.")
    await screen.reply.locator("details.seam summary").click()
    await expect(screen.reply.locator("details.seam p")).to_contain_text("onerror=ran(")
    await screen.sends("All fail [n:5 fault:418]")
    await screen.reply_is("failed")
    await expect(screen.reply).to_contain_text("onerror=ran(")


async def _waits(screen: Screen, line: str) -> None:
    """What waits for its turn, being changed too."""
    await screen.sends("Slow [n:60 r:15]")
    await screen.sends(line)
    await expect(waiting(screen)).to_have_text([line])
    await screen.page.get_by_role("button", name=re.compile(r"^Edit: \[a\]")).click()
    await expect(screen.page.get_by_role("textbox", name="Other words")).to_have_value(line)
    await screen.page.keyboard.press("Escape")
    await screen.page.get_by_role("button", name=re.compile(r"^Remove: \[a\]")).click()
    await expect(waiting(screen)).to_have_count(0)
    await screen.button("Stop").click()
    await screen.reply_has_ended()


async def _is_kept_in_order(screen: Screen) -> None:
    """A title in the list, its menu, its field, a hit and a toast."""
    title = "<script>ran('script')</script>"
    await choose(screen, title, "Rename")
    field = screen.sidebar.get_by_role("textbox")
    await expect(field).to_be_focused()
    await field.press("Escape")
    await expect(field).to_have_count(0)
    await choose(screen, title, "Archive")
    await toast(screen, "Conversation archived").get_by_role("button", name="Undo").click()
    await expect(screen.sidebar.get_by_role("link", name=title)).to_be_visible()
    await screen.page.get_by_role("searchbox", name="Search conversations").fill("onerror")
    results = screen.sidebar.get_by_role("list", name="Search results")
    await expect(results.locator("mark").first).to_have_text("onerror")
    await expect(results).to_contain_text("<")
    await is_dead(screen)
    await screen.page.keyboard.press("Escape")
