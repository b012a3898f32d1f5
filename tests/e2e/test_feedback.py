"""A person says what they think of a reply, and can take it back; every tab shows it."""

from playwright.async_api import Locator, expect

from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor


def button(screen: Screen, name: str) -> Locator:
    return screen.reply.get_by_role("button", name=name, exact=True)


async def shows(screen: Screen, *, good: bool, bad: bool) -> None:
    await expect(button(screen, "Good answer")).to_have_attribute("aria-pressed", str(good).lower())
    await expect(button(screen, "Bad answer")).to_have_attribute("aria-pressed", str(bad).lower())


async def test_one_of_two_is_pressed_in_every_tab(visitor: Visitor) -> None:
    """By pointer and by key; it survives a reload, and what is pressed again is let go."""
    first = await visitor.opens()
    await first.asks("Count [n:9]")
    second = await visitor.opens(f"/c/{first.conversation_id}")
    await shows(first, good=False, bad=False)
    await button(first, "Good answer").click()
    for screen in (first, second):
        await shows(screen, good=True, bad=False)
    await button(second, "Bad answer").focus()
    await second.page.keyboard.press("Enter")
    for screen in (first, second):
        await shows(screen, good=False, bad=True)
    await expect(button(second, "Bad answer")).to_be_focused()
    await first.page.reload()
    await shows(first, good=False, bad=True)
    await button(first, "Bad answer").click()
    for screen in (first, second):
        await shows(screen, good=False, bad=False)


async def test_it_is_about_one_version_of_a_reply(visitor: Visitor) -> None:
    """Another version has a rating of its own, and the first one keeps its own."""
    screen = await visitor.opens()
    await screen.asks("Count [n:9]")
    await button(screen, "Good answer").click()
    await shows(screen, good=True, bad=False)
    await button(screen, "Regenerate").click()
    await expect(screen.reply).to_contain_text("2 / 2")
    await screen.reply_is("complete")
    await shows(screen, good=False, bad=False)
    await button(screen, "Previous version").click()
    await expect(screen.reply).to_contain_text("1 / 2")
    await shows(screen, good=True, bad=False)


async def test_what_failed_is_not_rated(visitor: Visitor) -> None:
    """It says itself what went wrong."""
    screen = await visitor.opens()
    await screen.sends("Go [fault:401]")
    await screen.reply_is("failed")
    await expect(button(screen, "Regenerate")).to_be_visible()
    await expect(button(screen, "Good answer")).to_have_count(0)
