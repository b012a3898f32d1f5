"""Accounts on the page: in by password, out again, and from everywhere to the same conversations."""

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Page, WebSocket, expect

from tests.app_build import Build
from tests.app_server import AppServer, servers
from tests.e2e.entrance import PASSWORD, Entrance, is_let_in, opens_user_menu
from tests.e2e.fixtures import SETTINGS, Come
from tests.e2e.visitor import Visitor
from tests.upstream import Upstream


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def closed(
    app_build: Build, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[AppServer]:
    """An app that lets in whoever has a password."""
    settings = {**SETTINGS, "AUTH_MODE": "password", "OPENAI_BASE_URL": upstream.base_url}
    with servers(app_build, tmp_path_factory.mktemp("closed")) as start:
        yield await asyncio.to_thread(start, **settings)


async def comes_to(visitor: Visitor, path: str) -> Entrance:
    """A new tab that asks for a page, as somebody who has no login."""
    screen = await visitor.tab()
    await screen.page.goto(path, wait_until="commit")
    return Entrance(screen)


def received(page: Page) -> list[str]:
    """All that the server says to this tab from now on."""
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", listen)
    return frames


async def test_a_member_finds_the_same_conversation_in_another_browser(come: Come, closed: AppServer) -> None:
    """Live in both; after a log-out nothing is seen; what is typed as a password never comes back."""
    desk = await come(closed.url)
    entrance = await comes_to(desk, "/")
    frames = received(entrance.page)
    await entrance.registers("ada@example.org", name="Ada")
    at_desk = entrance.screen
    await at_desk.asks("Tell me of whales [n:5]")
    place = f"/c/{at_desk.conversation_id}"

    phone = await come(closed.url)
    entrance = await comes_to(phone, place)
    await entrance.is_shown()
    await entrance.tries("ada@example.org", "wrong horse battery")
    await expect(entrance.problem).to_have_text("The email or the password is wrong. Please try again.")
    await expect(entrance.email).to_have_value("ada@example.org")
    await expect(entrance.password).to_be_focused()
    await entrance.logs_in("ada@example.org")
    on_phone = entrance.screen
    assert on_phone.page.url.endswith(place)
    await expect(on_phone.replies).to_have_count(1)
    await at_desk.sends("And of dolphins [n:60 r:40]")
    await expect(on_phone.said).to_have_count(2)
    await on_phone.reply_shows(5)
    await on_phone.reply_is("complete")

    menu = await opens_user_menu(at_desk)
    await menu.get_by_role("menuitem", name="Log out").click()
    entrance = Entrance(at_desk)
    await entrance.is_shown()
    await at_desk.page.goto(place)
    await entrance.is_shown()
    assert "whale" not in await at_desk.page.content()
    await entrance.logs_in("ada@example.org")
    assert at_desk.page.url.endswith(place)
    await expect(at_desk.replies).to_have_count(2)
    assert frames
    assert not [frame for frame in frames if PASSWORD in frame]


async def test_a_login_that_is_ended_elsewhere_is_told_and_has_a_way_back(
    come: Come, closed: AppServer
) -> None:
    """Within 5 s; the draft is kept, and the way leads back to the same conversation. Also after a reload."""
    visitor, other = await come(closed.url), await come(closed.url)
    entrance = await comes_to(visitor, "/")
    await entrance.registers("bob@example.org")
    screen = entrance.screen
    await screen.asks("Tell me of whales [n:5]")
    elsewhere = await comes_to(other, "/settings")
    await elsewhere.is_shown()
    await elsewhere.tries("bob@example.org")
    await screen.writes("a draft")
    logins = elsewhere.page.get_by_role("region", name="Where you are logged in")
    await expect(logins.get_by_role("listitem")).to_have_count(2, timeout=30_000)
    await logins.get_by_role("button", name="End all others").click()
    line = screen.page.get_by_text("You are signed out. What you have written is kept.")
    await expect(line).to_be_visible(timeout=5_000)
    await expect(logins.get_by_role("listitem")).to_have_count(1)
    # The page has come back on a socket that opens nothing, and still says so.
    await expect(screen.page.get_by_text("Your conversations are here again")).to_be_visible()
    await screen.is_online(within=20)
    await expect(line).to_be_visible()
    await expect(screen.replies).to_have_count(0)
    await expect(screen.composer).to_have_value("a draft")
    await screen.writes("a longer draft")
    place = screen.page.url
    await screen.button("Log in").click()
    await entrance.logs_in("bob@example.org")
    assert screen.page.url == place
    await expect(screen.replies).to_have_count(1)
    await expect(screen.composer).to_have_value("a longer draft")


async def test_a_guest_creates_an_account_and_keeps_everything(come: Come, server: AppServer) -> None:
    """The conversation, its address and the draft; and they are there in another browser."""
    visitor, other = await come(server.url), await come(server.url)
    screen = await visitor.opens()
    await screen.asks("Tell me of whales [n:5]")
    await screen.writes("a draft")
    place = screen.page.url
    menu = await opens_user_menu(screen)
    await menu.get_by_role("menuitem", name="Create account").click()
    entrance = Entrance(screen)
    await expect(screen.page.get_by_text("your conversations come along")).to_be_visible()
    await entrance.registers("cleo@example.org", name="Cleo")
    assert screen.page.url == place
    await expect(screen.replies).to_have_count(1)
    await expect(screen.composer).to_have_value("a draft")
    await expect(screen.page.get_by_role("button", name="Cleo, user menu")).to_be_visible()
    entrance = await comes_to(other, f"/login?next=/c/{screen.conversation_id}")
    await entrance.logs_in("cleo@example.org")
    await expect(entrance.screen.said).to_have_text(re.compile("whales"))
    await expect(entrance.screen.sidebar.get_by_role("link", name="Tell me of whales")).to_be_visible()


@pytest.mark.parametrize("place", ["https://example.com/", "//example.com", "/\\example.com", "/login"])
async def test_a_link_to_the_log_in_page_leads_to_no_other_place(
    come: Come, server: AppServer, place: str
) -> None:
    """Only to paths of this app; whoever is logged in is sent on at once, by the same rule."""
    visitor = await come(server.url)
    entrance = await comes_to(visitor, f"/login?create=1&next={place}")
    await entrance.registers(f"{abs(hash(place))}@example.org")
    await expect(entrance.page).to_have_url(f"{server.url}/")
    await entrance.page.goto(f"/login?next={place}")
    await is_let_in(entrance.screen)
    await expect(entrance.page).to_have_url(f"{server.url}/")
