"""What is sent while a reply is being made waits, is shown, and can be changed until it begins."""

import re

from playwright.async_api import Locator, expect

from tests.app_server import AppServer
from tests.e2e.screen import Screen
from tests.e2e.stored import kept
from tests.e2e.test_accessibility import complaints
from tests.e2e.visitor import Visitor
from tests.upstream import text

SLOW = "First [n:400 r:15]"


def waiting(screen: Screen) -> Locator:
    return screen.page.get_by_role("group", name="Waiting messages").locator("article .words")


def action(screen: Screen, name: str, message: str) -> Locator:
    return screen.page.get_by_role("button", name=f"{name}: {message}", exact=True)


async def begin(screen: Screen, *words: str) -> None:
    """A slow reply, and what is sent meanwhile."""
    await screen.sends(SLOW)
    await screen.reply_shows(5)
    for one in words:
        await screen.sends(one)
    await expect(waiting(screen)).to_have_text(words)


async def test_what_waits_can_be_changed_in_every_tab(visitor: Visitor, server: AppServer) -> None:
    """Other words, another order, taken back and put back; then each goes out once, in turn."""
    screen = await visitor.opens()
    await begin(screen, "Two [n:5]", "Three [n:6]", "Four [n:7]")
    other = await visitor.opens(f"/c/{screen.conversation_id}")
    await expect(waiting(other)).to_have_text(["Two [n:5]", "Three [n:6]", "Four [n:7]"])
    # By keyboard.
    await action(screen, "Edit", "Three [n:6]").press("Enter")
    field = screen.page.get_by_role("textbox", name="Other words")
    await expect(field).to_be_focused()
    await field.fill("Better [n:8]")
    await field.press("Enter")
    await expect(action(screen, "Edit", "Better [n:8]")).to_be_focused()
    await action(screen, "Move up", "Better [n:8]").press("Enter")
    for one in (screen, other):
        await expect(waiting(one)).to_have_text(["Better [n:8]", "Two [n:5]", "Four [n:7]"])
    await expect(action(screen, "Move up", "Better [n:8]")).to_be_focused()
    # By mouse, in the other tab.
    await action(other, "Move down", "Two [n:5]").click()
    for one in (screen, other):
        await expect(waiting(one)).to_have_text(["Better [n:8]", "Four [n:7]", "Two [n:5]"])
    await action(other, "Remove", "Four [n:7]").click()
    await expect(other.composer).to_be_focused()
    for one in (screen, other):
        await expect(waiting(one)).to_have_text(["Better [n:8]", "Two [n:5]"])
    await other.button("Put it back in the message box").click()
    await expect(other.composer).to_have_value("Four [n:7]")
    await expect(other.button("Put it back in the message box")).to_have_count(0)
    await screen.button("Stop").click()
    for one in (screen, other):
        await expect(one.page.locator("article[data-role=assistant][data-status=complete]")).to_have_count(2)
        await expect(waiting(one)).to_have_count(0)
    for at, count in ((1, 8), (2, 5)):
        await expect(screen.replies.nth(at).locator(".words")).to_have_text(text(count))
    said = [one.text for one in kept(server.data_dir, screen.conversation_id) if one.role == "user"]
    assert sorted(said) == ["Better [n:8]", SLOW, "Two [n:5]"]


async def test_what_was_being_changed_when_its_turn_came_is_kept(visitor: Visitor, server: AppServer) -> None:
    """It goes out as it was; the new words are in the composer, which says why."""
    screen = await visitor.opens()
    await begin(screen, "Two [n:30 r:30]")
    await action(screen, "Edit", "Two [n:30 r:30]").click()
    await screen.page.keyboard.type(" and more")
    await screen.button("Stop").click()
    await expect(screen.composer).to_have_value("Two [n:30 r:30] and more")
    await expect(screen.page.get_by_role("alert").filter(has_text="your words are here")).to_be_visible()
    await screen.reply_is("complete")
    said = [one.text for one in kept(server.data_dir, screen.conversation_id) if one.role == "user"]
    assert said == [SLOW, "Two [n:30 r:30]"]


async def test_axe_is_content(visitor: Visitor) -> None:
    """With messages that wait, one taken back and one being changed; light and dark."""
    screen = await visitor.opens()
    await screen.page.emulate_media(reduced_motion="reduce", color_scheme="light")
    await begin(screen, "Two [n:5]", "Three [n:6]", "Four [n:7]")
    await action(screen, "Remove", "Four [n:7]").click()
    await expect(screen.button("Put it back in the message box")).to_be_visible()
    await action(screen, "Edit", "Three [n:6]").click()
    assert await complaints(screen) == []
    await screen.page.emulate_media(color_scheme="dark")
    await expect(screen.page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
    assert await complaints(screen) == []
    await screen.button("Stop").click()
