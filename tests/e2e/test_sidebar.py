"""Conversations kept in order: each thing that the menus offer, and its way back."""

import asyncio
import re
from collections.abc import Callable

from playwright.async_api import Locator, WebSocketRoute, expect

from tests.app_server import AppServer
from tests.e2e.saying import Say
from tests.e2e.scenes import crowded
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor


def link(screen: Screen, name: str) -> Locator:
    return screen.sidebar.get_by_role("link", name=name)


def item(screen: Screen, name: str) -> Locator:
    return screen.sidebar.get_by_role("listitem").filter(has=screen.page.get_by_role("link", name=name))


async def choose(screen: Screen, name: str, action: str) -> None:
    """An action of an item's menu, by keyboard alone."""
    await item(screen, name).get_by_role("button", name="More").press("Enter")
    chosen = screen.page.get_by_role("menuitem", name=action, exact=True)
    await expect(chosen).to_be_visible()
    await chosen.press("Enter")


async def choose_here(screen: Screen, action: str) -> None:
    """An action of the menu in the header."""
    await screen.button("Conversation menu").click()
    await screen.page.get_by_role("menuitem", name=action, exact=True).click()


def toast(screen: Screen, text: str) -> Locator:
    return (
        screen.page.get_by_role("region", name="Notifications").get_by_role("listitem").filter(has_text=text)
    )


async def test_a_conversation_is_renamed_where_it_stands(visitor: Visitor) -> None:
    """Enter keeps the new title and gives the focus back; Escape keeps the old one. Other tabs follow."""
    screen = await visitor.opens()
    await screen.asks("About tides [n:3]")
    other = await visitor.opens()
    await expect(screen.sidebar.get_by_role("heading", name="Today")).to_be_visible()
    await choose(screen, "About tides", "Rename")
    field = screen.page.get_by_role("textbox", name="Title")
    await expect(field).to_be_focused()
    await field.fill("High water")
    await field.press("Enter")
    await expect(link(screen, "High water")).to_be_focused()
    await expect(link(other, "High water")).to_be_visible()
    await choose(screen, "High water", "Rename")
    await field.fill("Low water")
    await field.press("Escape")
    await expect(link(screen, "High water")).to_be_focused()
    await choose_here(screen, "Rename")
    await field.fill("Spring tide")
    await field.press("Enter")
    await expect(link(screen, "Spring tide")).to_be_visible()
    await expect(screen.button("Conversation menu")).to_be_focused()
    await expect(screen.page.get_by_role("heading", level=1)).to_have_text("Spring tide")
    await expect(screen.page).to_have_title("Spring tide · chatapp")


async def two_conversations(visitor: Visitor) -> Screen:
    """The second one is shown."""
    screen = await visitor.opens()
    await screen.asks("About tides [n:3]")
    await screen.button("New chat").click()
    await expect(screen.replies).to_have_count(0)
    await screen.asks("About rivers [n:3]")
    return screen


async def test_what_is_pinned_or_put_away_comes_back(visitor: Visitor) -> None:
    """By keyboard alone: the focus stays with what was moved, or goes to what is next to it."""
    screen = await two_conversations(visitor)
    await choose(screen, "About tides", "Pin")
    await expect(screen.sidebar.get_by_role("heading", name="Pinned")).to_be_visible()
    await expect(link(screen, "About tides")).to_be_focused()
    await choose(screen, "About tides", "Unpin")
    await expect(screen.sidebar.get_by_role("heading", name="Pinned")).to_have_count(0)

    await choose(screen, "About tides", "Archive")
    await expect(link(screen, "About tides")).to_have_count(0)
    await expect(link(screen, "About rivers")).to_be_focused()
    await screen.button("Archived").press("Enter")
    await expect(screen.button("Back to all conversations")).to_be_focused()
    await link(screen, "About tides").press("Enter")
    await expect(screen.page.get_by_role("heading", level=1)).to_contain_text("About tides")
    await screen.button("Unarchive").press("Enter")
    await expect(toast(screen, "Back in the list")).to_be_visible()
    await expect(screen.sidebar.get_by_text("Nothing is archived.")).to_be_visible()
    await screen.button("Back to all conversations").press("Enter")
    await expect(screen.button("Archived")).to_be_focused()
    await expect(link(screen, "About tides")).to_be_visible()


async def test_what_is_deleted_or_cleared_comes_back(visitor: Visitor) -> None:
    """The toast that says so takes it back, by keyboard too."""
    screen = await two_conversations(visitor)
    rivers = screen.page.url

    await choose(screen, "About rivers", "Delete")
    await expect(screen.page.get_by_role("region", name="Welcome")).to_be_visible()
    await expect(link(screen, "About rivers")).to_have_count(0)
    await screen.page.keyboard.press("F8")
    await toast(screen, "Conversation deleted").get_by_role("button", name="Undo").press("Enter")
    await expect(screen.page).to_have_url(rivers)
    await expect(screen.reply).to_be_visible()

    await choose_here(screen, "Clear conversation")
    await expect(screen.page.get_by_text("This conversation is empty")).to_be_visible()
    await expect(screen.replies).to_have_count(0)
    await toast(screen, "Conversation cleared").get_by_role("button", name="Undo").click()
    await expect(screen.reply).to_contain_text("w2")
    await expect(toast(screen, "Conversation cleared")).to_have_count(0)


async def test_what_is_done_offline_is_done_when_the_line_is_back(visitor: Visitor) -> None:
    """And said so until then."""
    visitor.was_cut = True
    screen = await two_conversations(visitor)
    await visitor.context.set_offline(True)
    await expect(screen.connection).to_have_attribute("data-connection", "offline")
    await choose(screen, "About tides", "Pin")
    await expect(screen.page.locator(".waiting").first).to_be_visible()
    await screen.page.get_by_role("searchbox", name="Search conversations").fill("rivers")
    await expect(screen.sidebar.get_by_text("goes on when the connection is back")).to_be_visible()
    await visitor.context.set_offline(False)
    await screen.is_online(within=20)
    await expect(screen.sidebar.locator("mark").first).to_have_text("rivers")
    await screen.page.keyboard.press("Escape")
    await expect(screen.sidebar.get_by_role("heading", name="Pinned")).to_be_visible()
    await expect(screen.page.locator(".waiting")).to_have_count(0)


async def test_what_takes_longer_than_a_moment_shows(visitor: Visitor) -> None:
    """A line at the top until the answer is there."""
    screen = await visitor.tab()
    answers: list[Callable[[], None]] = []
    held = asyncio.Event()

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def answer(message: str | bytes) -> None:
            if held.is_set():
                answers.append(lambda: socket.send(message))
            else:
                socket.send(message)

        server.on_message(answer)

    await screen.page.route_web_socket(re.compile("/_event/"), hold)
    await screen.goes_to("/")
    await expect(screen.sidebar.get_by_text("What you talk about is kept here.")).to_be_visible()
    held.set()
    await screen.button("Archived").click()
    await expect(screen.page.locator(".waiting").first).to_be_visible()
    held.clear()
    for give in answers:
        give()
    await expect(screen.button("Back to all conversations")).to_be_visible()
    await expect(screen.page.locator(".waiting")).to_have_count(0)


async def test_each_page_has_one_heading(visitor: Visitor) -> None:
    """Whatever it shows, and below it no level is left out."""
    screen = await visitor.opens()
    heading = screen.page.get_by_role("heading", level=1)
    await expect(heading).to_contain_text("What would you like")
    await screen.asks("About tides [n:3]")
    await expect(heading).to_have_text("About tides [n:3]")
    await screen.page.set_viewport_size({"width": 390, "height": 844})
    await expect(heading).to_have_text("About tides [n:3]")
    await screen.goes_to("/c/nowhere")
    await expect(heading).to_have_text("This conversation was not found")


async def test_the_list_says_what_is_being_answered(visitor: Visitor) -> None:
    screen, other = await visitor.opens(), await visitor.opens()
    await screen.sends("About clouds [n:4000 r:20]")
    await expect(link(other, "About clouds")).to_contain_text("Generating")
    await screen.button("Stop").click()
    await expect(link(other, "About clouds")).not_to_contain_text("Generating")


async def test_forty_conversations_are_walked_by_arrow_keys(
    visitor: Visitor, server: AppServer, say: Say
) -> None:
    """By date; and a phone's drawer offers the same menus."""
    screen = await visitor.opens()
    await crowded(screen, say, server)
    groups = await screen.sidebar.get_by_role("heading").all_inner_texts()
    assert groups[:4] == ["Today", "Yesterday", "Previous 7 days", "Previous 30 days"]
    assert len(set(groups)) == len(groups)
    links = screen.sidebar.get_by_role("link")
    await links.first.focus()
    await screen.page.keyboard.press("ArrowDown")
    await screen.page.keyboard.press("ArrowDown")
    await expect(links.nth(2)).to_be_focused()
    await screen.page.keyboard.press("Enter")
    await expect(links.nth(2)).to_have_attribute("aria-current", "page")
    await screen.page.set_viewport_size({"width": 390, "height": 844})
    await screen.button("Show the list").click()
    await item(screen, "SQLite or PostgreSQL").get_by_role("button", name="More").click()
    await screen.page.get_by_role("menuitem", name="Archive").click()
    await expect(link(screen, "SQLite or PostgreSQL")).to_have_count(0)
    await toast(screen, "Conversation archived").get_by_role("button", name="Undo").click()
    await screen.button("Show the list").click()
    await expect(link(screen, "SQLite or PostgreSQL")).to_be_visible()
