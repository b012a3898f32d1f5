"""What was said is found again: as one types, marked, and opened by keys alone."""

import re

from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.saying import Say
from tests.e2e.seeding import lengthen
from tests.e2e.visitor import Visitor


async def test_a_search_by_keys_alone(visitor: Visitor, say: Say) -> None:
    """Titles and texts, under their conversations; nothing that was found is ever markup."""
    screen = await visitor.opens()
    await screen.asks(say("The moon pulls the **ocean** <img src=x> along.", asked="About tides"))
    tides = screen.page.url
    await screen.starts_anew()
    await screen.asks(say("They run downhill.", asked="About rivers"))

    await screen.page.keyboard.press("Control+k")
    field = screen.page.get_by_role("searchbox", name="Search conversations")
    await expect(field).to_be_focused()
    await screen.page.keyboard.type("ocea")
    results = screen.sidebar.get_by_role("list", name="Search results")
    await expect(results.get_by_role("mark").or_(results.locator("mark"))).to_have_text(["ocean"])
    await expect(results).to_contain_text("<img src=x>")
    await expect(results.get_by_role("link", name="Reply")).to_have_count(1)
    await expect(screen.sidebar.get_by_text("1 conversation")).to_be_visible()
    await field.press("ArrowDown")
    await screen.page.keyboard.press("ArrowDown")
    await expect(results.get_by_role("link", name="Reply")).to_be_focused()
    await screen.page.keyboard.press("Enter")
    await expect(screen.page).to_have_url(re.compile(rf"^{re.escape(tides)}\?m=[\w-]+$"))
    await expect(screen.reply).to_contain_text("along.")
    await expect(screen.reply).to_be_focused()

    await screen.page.keyboard.press("Control+k")
    await screen.page.keyboard.type("rivers")
    await expect(results.locator("mark").first).to_have_text("rivers")
    await field.fill("zebra")
    await expect(screen.sidebar.get_by_text("No results")).to_be_visible()
    await field.press("Escape")
    await expect(field).to_have_value("")
    await expect(screen.sidebar.get_by_role("link", name="About rivers")).to_be_visible()


async def test_a_search_leads_to_the_message_and_back(visitor: Visitor, server: AppServer, say: Say) -> None:
    """Enter opens the first hit: far up in a long conversation, in view. Escape gives the focus back."""
    screen = await visitor.opens()
    await screen.asks(say("Well.", asked="A long story"))
    story = screen.page.url
    ids = await lengthen(server, screen.conversation_id, 200)
    await screen.button("New chat").click()
    await expect(screen.composer).to_be_focused()
    press = screen.page.keyboard.press
    await press("Control+k")
    await screen.page.keyboard.type("question 40")
    # At once: it opens what is found as soon as it is.
    await press("Enter")
    await expect(screen.page).to_have_url(f"{story}?m={ids[40]}")
    hit = screen.page.locator(f"article[data-message-id='{ids[40]}']")
    await expect(hit).to_be_in_viewport()
    await expect(hit).to_be_focused()
    results = screen.sidebar.get_by_role("list", name="Search results")
    await expect(results.locator("mark")).to_have_text(["Question", "40"])

    await press("Shift+Escape")
    await expect(screen.composer).to_be_focused()
    await press("Control+k")
    field = screen.page.get_by_role("searchbox", name="Search conversations")
    await expect(field).to_be_focused()
    await screen.page.keyboard.type("question 4")
    await expect(results.get_by_role("link").nth(2)).to_be_visible()
    await press("ArrowDown")
    await press("ArrowDown")
    await expect(field).not_to_be_focused()
    await press("Escape")
    await expect(results).to_have_count(0)
    await expect(screen.composer).to_be_focused()
