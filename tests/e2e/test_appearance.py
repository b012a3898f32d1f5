"""The look that somebody chose, and the first words of a first visit: kept in the browser."""

import re

from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.visitor import Visitor

PRIMARY = "getComputedStyle(document.documentElement).getPropertyValue('--primary')"
#: What counts before anything is drawn: the head's script ran, the page's have not.
BEFORE_DRAWING = "document.addEventListener('DOMContentLoaded', () => { window.atFirst = document.documentElement.dataset.accent })"  # noqa: E501


async def test_an_accent_is_chosen_by_keyboard_and_kept(visitor: Visitor) -> None:
    """It counts in every tab at once, and at the next visit before anything is drawn."""
    screen, other = await visitor.opens(), await visitor.opens()
    before = await screen.page.evaluate(PRIMARY)
    await screen.button("Appearance").press("Enter")
    accents = screen.page.get_by_role("group", name="Accent")
    await expect(accents.get_by_role("radio", name="Indigo")).to_be_checked()
    await accents.get_by_role("radio", name="Indigo").focus()
    await screen.page.keyboard.press("ArrowRight")
    await screen.page.keyboard.press("ArrowRight")
    await expect(accents.get_by_role("radio", name="Teal")).to_be_checked()
    assert await screen.page.evaluate(PRIMARY) != before
    await expect(other.page.locator("html")).to_have_attribute("data-accent", "teal")
    await screen.page.keyboard.press("Escape")
    await expect(accents).to_be_hidden()
    await expect(screen.button("Appearance")).to_be_focused()
    await screen.page.add_init_script(BEFORE_DRAWING)
    await screen.page.reload()
    await screen.is_online()
    assert await screen.page.evaluate("window.atFirst") == "teal"


async def test_the_theme_can_follow_the_system_again(come: Come, server: AppServer) -> None:
    """ "Toggle theme" takes one's own side; "System" gives that up."""
    screen = await (await come(server.url, color_scheme="light")).opens()
    page = screen.page.locator("html")
    await screen.button("Toggle theme").click()
    await expect(page).to_have_class(re.compile(r"\bdark\b"))
    await screen.button("Appearance").click()
    await screen.page.get_by_role("radio", name="System").check()
    await expect(page).to_have_class(re.compile(r"\blight\b"))
    await screen.page.emulate_media(color_scheme="dark")
    await expect(page).to_have_class(re.compile(r"\bdark\b"))


async def test_a_folded_sidebar_stays_folded(visitor: Visitor) -> None:
    screen = await visitor.opens()
    toggle = screen.button("Toggle sidebar")
    await expect(toggle).to_have_attribute("aria-expanded", "true")
    await toggle.click()
    await expect(screen.sidebar).to_be_hidden()
    await screen.page.reload()
    await expect(screen.sidebar).to_be_hidden()
    await expect(toggle).to_have_attribute("aria-expanded", "false")
    await toggle.click()
    await expect(screen.sidebar).to_be_visible()


async def test_a_name_is_asked_for_once_and_never_needed(visitor: Visitor) -> None:
    """One can write at once; whoever gives a name is greeted by it from then on."""
    screen = await visitor.opens()
    welcome = screen.page.get_by_role("region", name="Welcome")
    await expect(screen.composer).to_be_focused()
    name = welcome.get_by_role("textbox", name="Your name")
    await name.fill(" Ada ")
    await screen.button("Get started").click()
    await expect(welcome.get_by_role("heading")).to_contain_text("Hello, Ada.")
    await expect(name).to_be_hidden()
    await expect(screen.composer).to_be_focused()
    await screen.page.reload()
    await expect(welcome.get_by_role("heading")).to_contain_text("Hello, Ada.")
    await expect(name).to_be_hidden()
