"""What was said is found again: as one types, marked, and opened by keys alone."""

import re

from playwright.async_api import expect

from tests.e2e.saying import Say
from tests.e2e.visitor import Visitor


async def test_a_search_by_keys_alone(visitor: Visitor, say: Say) -> None:
    """Titles and texts, under their conversations; nothing that was found is ever markup."""
    screen = await visitor.opens()
    await screen.asks(say("The moon pulls the **ocean** <img src=x> along.", asked="About tides"))
    tides = screen.page.url
    await screen.button("New chat").click()
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
    await expect(screen.page).to_have_url(re.compile(re.escape(tides)))
    await expect(screen.reply).to_contain_text("along.")

    await field.fill("rivers")
    await expect(results.locator("mark").first).to_have_text("rivers")
    await field.fill("zebra")
    await expect(screen.sidebar.get_by_text("No results")).to_be_visible()
    await field.press("Escape")
    await expect(field).to_have_value("")
    await expect(screen.sidebar.get_by_role("link", name="About rivers")).to_be_visible()
