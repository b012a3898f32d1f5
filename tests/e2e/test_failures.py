"""Whatever fails, the page says what to do next, in words and with the button for it."""

from typing import Final

from playwright.async_api import expect

from tests.e2e.visitor import Visitor
from tests.upstream import text

#: What the model's server does, what the page says of it, and what it asks for.
FAILURES: Final = (
    ("401", "The API key was refused", "Please check OPENAI_API_KEY."),
    ("402", "has no credit left.", "Please add some"),
    ("404", "knows nothing at this address", "Please choose another model"),
    ("400", "longer than this model can read.", "Please start a new chat"),
    ("429 after:3600", "is too busy (429).", "Please try again in a moment."),
    ("500 after:0.01", "has a problem (500).", "Please try again in a moment."),
    ("html", "did not answer with a stream.", "Please try again, or choose another model."),
)


async def test_a_reply_that_fails_says_what_to_do(visitor: Visitor) -> None:
    """Before its first word it can only be asked for again; after it, it can be gone on with."""
    screen = await visitor.opens()
    for fault, happened, advice in FAILURES:
        await screen.sends(f"Go [n:9 fault:{fault}]")
        await screen.reply_is("failed")
        await expect(screen.reply).to_contain_text(happened)
        await expect(screen.reply).to_contain_text(advice)
        await expect(screen.reply.get_by_role("button", name="Regenerate")).to_be_visible()
        await expect(screen.reply.get_by_role("button", name="Continue")).to_have_count(0)
    await screen.sends("Half [n:90 r:400 fault:cut at:40 tries:1]")
    await screen.reply_is("failed")
    await expect(screen.reply).to_contain_text("Please try again in a moment.")
    await expect(screen.reply).to_contain_text("Continue goes on from here; Regenerate writes another one.")
    await screen.reply.get_by_role("button", name="Continue").click()
    await screen.reply_is("complete")
    assert await screen.copied() == text(90)


async def test_what_cannot_be_sent_or_found_says_what_to_do(visitor: Visitor) -> None:
    """A text that is too long stays where it is; an address that leads nowhere leads to a new chat."""
    screen = await visitor.opens()
    await screen.writes("x" * 32_001)
    await screen.composer.press("Enter")
    alert = screen.page.get_by_role("alert").filter(has_text="characters are too many.")
    await expect(alert).to_contain_text("Please shorten it to 32,000.")
    await expect(screen.composer).to_have_value("x" * 32_001)
    await screen.writes("")
    await expect(alert).to_have_count(0)
    await screen.goes_to("/c/" + "0" * 32)
    missing = screen.page.get_by_role("heading", name="This conversation was not found")
    await expect(missing).to_be_visible()
    await screen.button("Start a new chat").click()
    await expect(missing).to_have_count(0)
    await screen.asks("Still here [n:3]")
