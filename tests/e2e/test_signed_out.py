"""Without a login, wherever one is: it is said, nothing typed is lost, and a way leads back to the place."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Locator, Page, expect

from chatapp.domain.accounts import Role
from tests.app_server import AppServer
from tests.e2e.entrance import ENTRY_MS, PASSWORD, Entrance, is_let_in, opens_user_menu
from tests.e2e.fixtures import Come
from tests.e2e.members import created, log_in
from tests.e2e.stored import owner_of
from tests.e2e.test_login import closed, comes_to

__all__ = ["closed"]

LONG_AGO = "2026-01-01 00:00:00.000000"
#: Within 5 s here; a busy machine adds the page's own way back to its socket.
SOON = 20_000


def end_logins(server: AppServer, account_id: str) -> None:
    """As it is done in another browser."""
    with closing(sqlite3.connect(server.data_dir / "chatapp.db", timeout=10)) as database, database:
        database.execute("UPDATE logins SET revoked_at = ? WHERE account_id = ?", (LONG_AGO, account_id))


def content(page: Page, path: str) -> Locator:
    """What is only there for whoever is signed in."""
    if path == "/":
        return page.get_by_role("combobox", name="Model")
    if path == "/admin":
        return page.get_by_role("list", name="Users")
    return page.get_by_role("region", name="Profile")


@pytest.mark.parametrize("path", ["/", "/settings", "/admin"])
async def test_it_is_said_and_leads_back_to_the_place(come: Come, closed: AppServer, path: str) -> None:
    """What was shown goes, nothing stays that only loads, and what was written to be sent is kept."""
    ann = await created(closed, f"signed-out-{path.strip('/')}@example.org", role=Role.ADMIN)
    visitor = await come(closed.url)
    assert await log_in(visitor, ann) == 200
    screen = await visitor.opens()
    page = screen.page
    await screen.writes("a draft")
    if path != "/":
        await page.goto(path)
    await expect(content(page, path)).to_be_visible()
    end_logins(closed, ann.id)
    await expect(page.get_by_role("alert").filter(has_text="You are signed out.")).to_be_visible(timeout=SOON)
    await expect(content(page, path)).to_have_count(0)
    await expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0)
    await page.get_by_role("button", name="Log in").click()
    entrance = Entrance(screen)
    await entrance.is_shown()
    await entrance.tries(ann.email)
    await expect(page).to_have_url(f"{closed.url}{path}", timeout=ENTRY_MS)
    await expect(content(page, path)).to_be_visible(timeout=ENTRY_MS)
    if path != "/":
        await page.get_by_role("link", name="Back to the chat").click()
    await expect(screen.composer).to_have_value("a draft")


async def test_what_is_typed_on_the_log_in_page_stays(come: Come, server: AppServer) -> None:
    """From logging in to creating an account and back; and when the guest's login ends meanwhile."""
    visitor = await come(server.url)
    screen = await visitor.opens()
    await screen.asks("Mine [n:5]")
    guest = owner_of(server.data_dir, screen.conversation_id)
    page, entrance = screen.page, Entrance(screen)
    await page.goto("/login")
    await entrance.is_shown()
    await entrance.email.fill("typed-once@example.org")
    await screen.button("Create account").click()
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("Once")
    await expect(entrance.email).to_have_value("typed-once@example.org")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_label("Name")).to_have_count(0)
    await expect(entrance.email).to_have_value("typed-once@example.org")
    await screen.button("Create account").last.click()
    await expect(page.get_by_label("Name")).to_have_value("Once")
    end_logins(server, guest)
    keeps = page.get_by_text("your conversations come along")
    await expect(keeps).to_have_count(0, timeout=SOON)
    await expect(entrance.email).to_have_value("typed-once@example.org")


async def test_one_goes_on_without_an_account_after_a_log_out(come: Come, server: AppServer) -> None:
    """As a new guest, to whom nothing of the member is shown."""
    entrance = await comes_to(await come(server.url), "/login?create=1")
    await entrance.registers("goes-on@example.org", password=PASSWORD)
    screen = entrance.screen
    await screen.asks("Of the member [n:5]")
    menu = await opens_user_menu(screen)
    await menu.get_by_role("menuitem", name="Log out").click()
    await entrance.is_shown()
    await screen.button("Continue without an account").click()
    await is_let_in(screen)
    await expect(screen.page.get_by_role("button", name="Guest, user menu")).to_be_visible()
    await expect(screen.sidebar.get_by_role("link", name="Of the member")).to_have_count(0)
    await screen.asks("Of the guest [n:5]")


@pytest.mark.parametrize(
    ("path", "words"),
    [("/c/abc", "Loading the conversation"), ("/settings", "Loading your settings"), ("/login", "Loading")],
)
async def test_a_login_that_is_being_restored_is_waited_for(
    come: Come, server: AppServer, path: str, words: str
) -> None:
    """Before the server has said who one is, nobody is told that they are signed out, nor shown a form."""
    visitor = await come(server.url)
    await visitor.context.route_web_socket(re.compile("/_event"), lambda _: None)
    page = (await visitor.tab()).page
    await page.goto(path)
    await expect(page.get_by_role("status").filter(has_text=words)).to_be_attached()
    await expect(page.get_by_text("signed out")).to_have_count(0)
    await expect(page.get_by_label("Email")).to_have_count(0)
    assert page.url.endswith(path)
    if path.startswith("/c/"):
        await page.get_by_role("textbox", name="Message").fill("typed early")
        await expect(page.get_by_role("textbox", name="Message")).to_have_value("typed early")
