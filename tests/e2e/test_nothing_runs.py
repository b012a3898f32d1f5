"""Texts of others are texts: wherever they are shown, nothing of them runs and nothing is fetched."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest_asyncio
from playwright.async_api import expect

from chatapp.domain.accounts import Role
from tests.app_build import Build
from tests.app_server import AppServer, servers
from tests.e2e.ear import Ear, harmless, is_dead
from tests.e2e.entrance import opens_user_menu
from tests.e2e.fixtures import SETTINGS, Come
from tests.e2e.hostile import ADDRESSES, AGENTS, LINES, NAMES, STORED, heard_at, text_of
from tests.e2e.members import Member, created, log_in
from tests.e2e.saying import sayer
from tests.e2e.screen import Screen
from tests.e2e.test_queue import waiting
from tests.e2e.test_sidebar import choose, toast
from tests.upstream import Upstream

HOSTILE_MODELS: Final = ("<img/src=EAR/model.png/onerror=ran(1)>", "<svg/onload=ran('fallback')>")
#: A token; several are in a delta, and no payload is in one alone.
SPLIT_CHARS: Final = 3


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
    async with harmless(ear, visitor.context):
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


async def test_nothing_of_a_name_runs(app: AppServer, come: Come, ear: Ear) -> None:
    """Names, emails, what browsers call themselves, who did what to whom: in the menu, on the settings and
    before an admin. As they come through the doors, split over two of them, and as others may store them."""
    names, addresses, agents = (
        [heard_at(ear.address, one) for one in many] for many in (NAMES, ADDRESSES, AGENTS)
    )
    members = [
        await created(app, address, name=name, role=Role.ADMIN if place == 0 else Role.USER)
        for place, (name, address) in enumerate(zip(names, addresses, strict=True))
    ]
    boss, ann, elsewhere = [await come(app.url, user_agent=agent) for agent in agents]
    async with harmless(ear, boss.context, ann.context):
        for visitor, member in ((boss, members[0]), (ann, members[1]), (elsewhere, members[1])):
            assert await log_in(visitor, member) == 200
        _store(app, members, heard_at(ear.address, STORED))
        await _is_shown_to_its_owner(await ann.opens(), names[1], addresses[1])
        await _is_shown_to_an_admin(await boss.tab(), members, names)


def _store(app: AppServer, members: list[Member], text: str) -> None:
    """As an older version, an import or another program may have left it."""
    with closing(sqlite3.connect(app.data_dir / "chatapp.db", timeout=10)) as database, database:
        database.execute("UPDATE security_events SET address = ?, detail = ?", (text, text))
        database.execute("UPDATE logins SET agent = ? WHERE account_id = ?", (text, members[0].id))
        database.execute("UPDATE accounts SET name = ? WHERE id = ?", (text, members[0].id))


async def _is_shown_to_its_owner(screen: Screen, name: str, email: str) -> None:
    """The menu, the settings with its list of browsers, and a toast."""
    page = screen.page
    await expect(page.get_by_role("button", name=f"{name}, user menu")).to_be_visible()
    menu = await opens_user_menu(screen)
    await expect(menu).to_contain_text(email)
    await is_dead(screen)
    await menu.get_by_role("menuitem", name="Settings").click()
    await expect(page.get_by_role("textbox", name="Name")).to_have_value(name)
    await expect(page.get_by_role("region", name="Profile")).to_contain_text(email)
    logins = page.get_by_role("region", name="Where you are logged in")
    await expect(logins.get_by_role("listitem")).to_have_count(2)
    await expect(logins.get_by_role("listitem").last).to_contain_text("<svg")
    await is_dead(screen)
    await page.get_by_role("textbox", name="Name").press("Enter")
    await expect(page.get_by_text("Your name is changed").first).to_be_visible()
    await page.get_by_role("link", name="Back to the chat").click()
    await screen.is_online()
    await screen.sends("Slow [n:2000 r:10]")


async def _is_shown_to_an_admin(screen: Screen, members: list[Member], names: list[str]) -> None:
    """All about everybody: the list, a menu, a question, what runs, what happened."""
    page = screen.page
    await page.goto("/admin")
    users = page.get_by_role("list", name="Users").get_by_role("listitem")
    await expect(users).to_have_count(len(members))
    for name in names[1:]:
        await expect(users.filter(has_text=name)).to_have_count(1)
    row = users.filter(has_text=names[1])
    await row.get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Delete with all data").click()
    await expect(page.get_by_role("group", name=names[1])).to_be_visible()
    await is_dead(screen)
    await page.get_by_role("button", name="Cancel").click()
    for section, shown in (("In progress", names[1]), ("Security log", "ran('stored')")):
        await page.get_by_role("button", name=section).click()
        await expect(page.get_by_role("list", name=section)).to_contain_text(shown)
        await is_dead(screen)
