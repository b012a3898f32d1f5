"""All that one does often, by keys alone."""

import re

from playwright.async_api import expect

from tests.e2e.saying import Say
from tests.e2e.visitor import Visitor


async def test_the_sheet_lists_the_keys_and_gives_the_focus_back(visitor: Visitor) -> None:
    """Opened by a key or by its button; what has the focus before has it again after."""
    screen = await visitor.opens()
    sheet = screen.page.get_by_role("dialog", name="Keyboard shortcuts")
    await screen.composer.press("Control+/")
    await expect(sheet.get_by_text("New chat")).to_be_visible()
    await screen.page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await expect(screen.composer).to_be_focused()
    await screen.composer.press("?")
    await expect(screen.composer).to_have_value("?")
    await screen.button("Keyboard shortcuts").press("Enter")
    await sheet.get_by_role("button", name="Close").click()
    await expect(screen.button("Keyboard shortcuts")).to_be_focused()
    await screen.page.keyboard.press("?")
    await expect(sheet).to_be_visible()


async def test_a_chat_by_keys_alone(visitor: Visitor, say: Say) -> None:
    """Ask, stop, copy, begin anew, go back and forth, fold the list, change the light."""
    screen = await visitor.opens()
    press = screen.page.keyboard.press
    await screen.asks(say("The tide comes in."))
    first = screen.page.url
    await press("Control+Shift+C")
    await expect(screen.reply.get_by_role("button", name="Copied")).to_be_visible()
    assert await screen.page.evaluate("navigator.clipboard.readText()") == "The tide comes in."
    await press("Control+Shift+O")
    await expect(screen.page.get_by_role("region", name="Welcome")).to_be_visible()
    await expect(screen.composer).to_be_focused()
    await screen.sends("Long [n:4000 r:20]")
    await screen.reply_shows(3)
    second = screen.page.url
    await press("Escape")
    await screen.reply_is("stopped")
    await press("Alt+ArrowDown")
    await expect(screen.page).to_have_url(first)
    await press("Alt+ArrowUp")
    await expect(screen.page).to_have_url(second)
    await screen.button("Toggle theme").focus()
    await press("Shift+Escape")
    await expect(screen.composer).to_be_focused()
    await press("Control+Shift+S")
    await expect(screen.sidebar).to_be_hidden()
    await press("Control+Shift+L")
    await expect(screen.page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
