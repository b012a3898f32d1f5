"""The admin's page: what admins do there, and that there is nothing for anybody else."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from chatapp.domain.accounts import Role
from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.members import Member, change_role, created, log_in
from tests.e2e.screen import Screen
from tests.e2e.stored import owner_of
from tests.e2e.test_accessibility import NARROW, WIDE, complaints
from tests.e2e.visitor import Visitor
from tests.waiting import until

#: What is lost (a role, a login) is off the screen within this, in milliseconds.
SOON: Final = 5_000
HOSTILE: Final = "<img src=x onerror=alert(1)>{{alert(2)}}"


@dataclass(frozen=True, kw_only=True)
class Office:
    """An admin in a browser of their own, and the server."""

    server: AppServer
    admin: Member
    visitor: Visitor


@pytest_asyncio.fixture(loop_scope="session")
async def office(mortal: AppServer, come: Come) -> Office:
    admin = await created(mortal, "root@example.org", role=Role.ADMIN)
    visitor = await come(mortal.url, viewport=WIDE)
    assert await log_in(visitor, admin) == 200
    return Office(server=mortal, admin=admin, visitor=visitor)


async def page_of(visitor: Visitor, path: str = "/admin") -> Page:
    page = (await visitor.tab()).page
    await page.goto(path)
    return page


def row(page: Page, member: Member) -> Locator:
    return page.locator(f"li[data-account='{member.id}']")


async def choose(page: Page, member: Member, item: str) -> None:
    await row(page, member).get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name=item).click()


async def entered(come: Come, office: Office, email: str, **more: str) -> tuple[Member, Screen]:
    """A member with the chat open."""
    member = await created(office.server, email, **more)
    visitor = await come(office.server.url)
    assert await log_in(visitor, member) == 200
    return member, await visitor.opens()


async def test_users_are_found_disabled_and_deleted(office: Office, come: Come) -> None:
    """A disabled one's open tab says so within 5 s; a deleted one leaves nothing behind."""
    ann, chat = await entered(come, office, "ann@example.org", name=HOSTILE)
    await chat.asks("A secret plan [n:5]")
    ann_s = office.server.data_dir, chat.conversation_id
    assert owner_of(*ann_s) == ann.id
    await created(office.server, "ben@example.org")
    page = await page_of(office.visitor)
    await expect(page.get_by_role("heading", name="Admin")).to_be_visible()
    await expect(row(page, ann)).to_contain_text(HOSTILE)
    await expect(row(page, ann)).to_contain_text("1 conversation")
    await expect(page.locator("body")).not_to_contain_text("secret plan")
    search = page.get_by_role("searchbox", name="Search users")
    await search.fill("ANN@")
    await expect(page.get_by_role("list", name="Users").get_by_role("listitem")).to_have_count(1)
    await search.fill("nobody at all")
    await expect(page.get_by_text("Nobody was found.")).to_be_visible()
    await search.fill("")
    await choose(page, ann, "Disable")
    await expect(row(page, ann)).to_contain_text("Disabled")
    await expect(chat.page.get_by_text("You are signed out.")).to_be_visible(timeout=SOON)
    visitor = await come(office.server.url)
    assert await log_in(visitor, ann) == 401
    await choose(page, ann, "Enable")
    await expect(row(page, ann)).not_to_contain_text("Disabled")
    assert await log_in(visitor, ann) == 200
    await choose(page, ann, "Delete with all data")
    await expect(page.get_by_role("group").get_by_role("button", name="Cancel")).to_be_focused()
    await page.get_by_role("button", name="Cancel").click()
    await expect(row(page, ann)).to_be_visible()
    await choose(page, ann, "Delete with all data")
    await page.get_by_role("button", name="Delete for good").click()
    await expect(row(page, ann)).to_have_count(0)
    await until(lambda: not holds(office.server.data_dir, "secret plan"))


async def test_an_admin_resets_a_password_gives_a_role_and_stops_a_reply(office: Office, come: Come) -> None:
    """All of it is in the security log; the last admin cannot be taken away. The password is shown once."""
    ann, chat = await entered(come, office, "ann@example.org")
    page = await page_of(office.visitor)
    await choose(page, ann, "Make admin")
    await expect(row(page, ann).get_by_text("Admin", exact=True)).to_be_visible()
    await choose(page, ann, "Take the admin role away")
    await expect(row(page, ann).get_by_text("Admin", exact=True)).to_have_count(0)
    await choose(page, office.admin, "Take the admin role away")
    await expect(page.get_by_text("This is the only admin.").first).to_be_visible()
    await chat.sends("Long [n:4000 r:20]")
    await chat.reply_shows(3)
    await page.get_by_role("button", name="In progress").click()
    await page.get_by_role("list", name="In progress").get_by_role("button", name="Stop").click()
    await chat.reply_is("stopped")
    await expect(page.get_by_text("No reply is being made.")).to_be_visible()
    await page.get_by_role("button", name="Users").click()
    await choose(page, ann, "Reset the password")
    await page.get_by_role("button", name="Reset the password").click()
    made = await row(page, ann).locator("code").inner_text()
    visitor = await come(office.server.url)
    assert await log_in(visitor, ann) == 401
    assert await log_in(visitor, ann, password=made) == 200
    await page.get_by_role("button", name="Done").click()
    await expect(row(page, ann).locator("code")).to_have_count(0)
    await page.get_by_role("button", name="Security log").click()
    log = page.get_by_role("list", name="Security log")
    for what in ("Password reset", "Reply stopped", "Role changed", "Account created"):
        await expect(log.get_by_text(what).first).to_be_visible()
    await expect(page.locator("body")).not_to_contain_text(made)


async def test_for_others_there_is_nothing(office: Office, come: Come) -> None:
    """A member, and a guest, see what is shown where no page is; and nothing of others comes to their
    browser."""
    ben = await created(office.server, "ben@example.org")
    for signs_in in (True, False):
        visitor = await come(office.server.url)
        if signs_in:
            assert await log_in(visitor, ben) == 200
        frames: list[str] = []
        seen = [await not_found(visitor, path, frames) for path in ("/admin", "/no/such/page")]
        assert seen[0] == seen[1]
        assert frames
        assert not any("root@example.org" in frame or "192.0.2" in frame for frame in frames)
        # The browser's own words about the second address.
        visitor.seen.console[:] = [one for one in visitor.seen.console if "404" not in one]


async def not_found(visitor: Visitor, path: str, frames: list[str]) -> tuple[str, str]:
    """What is on the screen at an address where nothing is, and what came over the socket."""
    page = (await visitor.tab()).page
    page.on("websocket", lambda one: one.on("framereceived", lambda data: frames.append(str(data))))
    await page.goto(path)
    await expect(page.get_by_role("heading", name="This page was not found")).to_be_visible()
    return await page.title(), await page.locator("body").inner_text()


async def test_a_lost_role_ends_what_is_shown(office: Office, come: Come) -> None:
    """Within 5 s, in each section; what is pressed meanwhile does nothing."""
    ann = await created(office.server, "ann@example.org", role=Role.ADMIN)
    visitor = await come(office.server.url)
    assert await log_in(visitor, ann) == 200
    pages = [await page_of(visitor) for _ in range(3)]
    for page, section in zip(pages, ("Users", "In progress", "Security log"), strict=True):
        await page.get_by_role("button", name=section).click()
        await expect(page.get_by_role("button", name=section)).to_have_attribute("aria-current", "true")
    await change_role(office.server, ann, Role.USER)
    for page in pages:
        missing = page.get_by_role("heading", name="This page was not found")
        await expect(missing).to_be_visible(timeout=SOON)
        await expect(page.locator("body")).not_to_contain_text("root@example.org")


async def test_axe_is_content_with_the_admin_s_page(office: Office, come: Come) -> None:
    """Light and dark, on a desk and on a phone, in every section, with a question asked."""
    ann, chat = await entered(come, office, "ann@example.org", name="Ann")
    await created(office.server, "a-very-long-address-that-has-to-be-cut-somewhere@subdomain.example.org")
    await chat.sends("Long [n:4000 r:20]")
    page = await page_of(office.visitor)
    await choose(page, ann, "Delete with all data")
    await expect(page.get_by_role("button", name="Delete for good")).to_be_visible()
    found: list[str] = []
    for section in ("Users", "In progress", "Security log"):
        if section != "Users":
            await page.get_by_role("button", name=section).click()
        await expect(page.get_by_role("list", name=section)).to_be_visible()
        for size in (WIDE, NARROW):
            await page.set_viewport_size(size)
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await expect(page.locator("html")).to_have_class(re.compile(rf"\b{scheme}\b"))
                found += [f"{section}, {size}, {scheme}: {one}" for one in await complaints(Screen(page))]
                wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                assert not await page.evaluate(wider), f"{section}, {size}"
    assert found == []


async def test_one_s_own_data_are_a_file(office: Office, come: Come) -> None:
    """By the login cookie, and nobody else's; without a login it is refused."""
    ann, chat = await entered(come, office, "ann@example.org")
    await chat.asks("Mine [n:5]")
    context = chat.page.context
    answer = await context.request.get("/api/export")
    assert answer.status == 200
    assert re.fullmatch(r'attachment; filename="chatapp-[\d-]+\.json"', answer.headers["content-disposition"])
    assert answer.headers["cache-control"] == "no-store"
    document = json.loads(await answer.body())
    assert document["account"]["id"] == ann.id
    assert [one["messages"][0]["text"] for one in document["conversations"]] == ["Mine [n:5]"]
    await context.clear_cookies()
    assert (await context.request.get("/api/export")).status == 401


def holds(folder: Path, text: str) -> bool:
    """Whether the database's rows have it anywhere that is read."""
    with closing(sqlite3.connect(folder / "chatapp.db", timeout=10)) as database:
        tables = ("messages", "conversations", "run_logs", "run_events", "search_index_content")
        return any(text in repr(database.execute(f"SELECT * FROM {table}").fetchall()) for table in tables)
