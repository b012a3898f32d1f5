"""Whatever is written or said: a clear word, nothing lost, nothing executed, and a page that goes on."""

import re
from typing import Final

import pytest
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.saying import Say
from tests.e2e.screen import Screen
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor

#: The default of MAX_MESSAGE_CHARS.
LIMIT: Final = 32_000
#: Puts into the field what no keyboard and no test protocol can carry, as a paste would.
PASTE: Final = """(field, words) => {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, eval(words));
  field.dispatchEvent(new Event("input", { bubbles: true })) }"""
#: Until two frames were drawn.
FRAMES: Final = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
TABLE: Final = "| n | square |\n|---|---|\n" + "".join(f"| {n} | {n * n} |\n" for n in range(10_000))
ROUND_TRIPS: Final = {
    "right-to-left": "שלום, مرحبا \u202eevil\u202c [n:3]",
    "joined-emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 é ﷽ Z̸̡͝ [n:3]",
    "sql-and-format": "'; DROP TABLE messages; -- %s {0} ${x} \\u0000 \\n [n:3]",
    "json-and-tokens": '{"role":"system"} <|im_end|> [/INST] \u2028 \ufeff [n:3]',
}


async def is_alive(screen: Screen) -> None:
    """Fail unless another message is answered."""
    await screen.page.evaluate(FRAMES)
    await screen.asks("And now? [n:5]")
    await screen.reply_is_exactly(5)


@pytest.mark.parametrize(
    "words", ["", " ", "\n\n \t\n", "\u00a0\u2003"], ids=["empty", "space", "lines", "wide"]
)
async def test_nothing_is_not_sent(visitor: Visitor, words: str) -> None:
    """Enter and Send pass over it, and the next message goes out alone."""
    screen = await visitor.opens()
    await screen.writes(words)
    await screen.composer.press("Enter")
    await screen.button("Send").click()
    await is_alive(screen)
    await expect(screen.said).to_have_count(1)


async def test_a_message_at_the_limit_is_sent_and_one_above_is_not(
    visitor: Visitor, server: AppServer
) -> None:
    """The page says how long it is and how long it may be; the text stays until it is short enough."""
    screen = await visitor.opens()
    longest = "[n:3]" + "x" * (LIMIT - 5)
    await screen.writes(longest + "y")
    await screen.composer.press("Enter")
    await expect(screen.page.get_by_role("alert").filter(has_text="32,001")).to_contain_text("32,000")
    await expect(screen.composer).to_have_value(longest + "y")
    await expect(screen.said).to_have_count(0)
    await screen.composer.press("End")
    await screen.composer.press("Backspace")
    await screen.composer.press("Enter")
    await screen.reply_is("complete")
    assert kept(server.data_dir, screen.conversation_id)[0].text == longest


async def test_a_paste_of_a_megabyte_stays_in_the_field(visitor: Visitor) -> None:
    """It is refused in words at once, and can be worked on or thrown away."""
    screen = await visitor.opens()
    await screen.composer.evaluate(PASTE, '"line of words \\n".repeat(70000)')
    await screen.button("Send").click()
    await expect(screen.page.get_by_role("alert").filter(has_text="1,050,000")).to_be_visible()
    assert len(await screen.composer.input_value()) == 1_050_000
    await screen.writes("")
    await is_alive(screen)


async def test_what_cannot_be_stored_is_cleaned(visitor: Visitor, server: AppServer) -> None:
    """NUL goes, and a lone half of a character becomes the sign for that; the rest arrives."""
    screen = await visitor.opens()
    await screen.composer.evaluate(PASTE, r'"a\0b \ud800 c \ude00\ud83d\ude42 [n:3]"')
    await screen.composer.press("Enter")
    await screen.reply_is("complete")
    assert kept(server.data_dir, screen.conversation_id)[0].text == "ab \ufffd c \ufffd🙂 [n:3]"
    await expect(screen.said).to_have_count(1)
    await is_alive(screen)


@pytest.mark.parametrize("words", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
async def test_what_is_legal_comes_back_as_it_was(visitor: Visitor, server: AppServer, words: str) -> None:
    """On the screen, in the database, and again after a reload."""
    screen = await visitor.opens()
    await screen.asks(words)
    assert kept(server.data_dir, screen.conversation_id)[0].text == words
    await screen.page.reload()
    await expect(screen.said).to_have_count(1)
    assert words in (await screen.said.text_content() or "")


async def test_a_huge_table_is_drawn_and_the_page_answers(visitor: Visitor, say: Say) -> None:
    """Ten thousand rows: none is lost, typing goes on while they come, and so does the conversation."""
    screen = await visitor.opens()
    await screen.sends(say(*(TABLE[at : at + 2000] for at in range(0, len(TABLE), 2000)), r=50))
    await screen.composer.type("typed meanwhile", timeout=60_000)
    await expect(screen.composer).to_have_value("typed meanwhile")
    await screen.reply_is("complete", within=60)
    # What is whole may still be being drawn, when there is time for it.
    await expect(screen.reply.locator("tbody tr")).to_have_count(10_000, timeout=60_000)
    assert (await screen.reply.evaluate("reply => reply.textContent")).count("99980001") == 1
    await screen.starts_anew()
    await is_alive(screen)


async def test_a_line_without_an_end_stays_in_its_place(visitor: Visitor, say: Say) -> None:
    """200 KB without a blank neither widen the page nor stop it."""
    screen = await visitor.opens()
    line = "x" * 200_000
    await screen.sends(say(*(line[at : at + 500] for at in range(0, len(line), 500)), r=300))
    await screen.reply_is("complete", within=40)
    assert await screen.copied() == line
    assert await screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await is_alive(screen)


async def test_fences_that_never_close_hold_only_their_own_reply(visitor: Visitor, say: Say) -> None:
    """The next message stands outside of them."""
    screen = await visitor.opens()
    words = "Open:\n\n```html\n<script>alert(1)</script>\n\n~~~\n``` js\n> - **a\n\n| x\n$$\n\\frac{"
    await screen.asks(say(*re.findall(r"\S+\s*", words), r=100))
    await expect(screen.reply.locator("pre")).to_contain_text("alert(1)")
    assert await screen.copied() == words
    await is_alive(screen)
    await expect(screen.reply.locator("pre")).to_have_count(0)


async def test_an_empty_reply_says_that_it_is_empty(visitor: Visitor, say: Say) -> None:
    """Words in place of the text, a way to ask again, and a page that goes on."""
    screen = await visitor.opens()
    await screen.sends(say())
    await screen.reply_has_ended()
    await expect(screen.reply).to_contain_text(re.compile("empty|nothing|no text|without", re.IGNORECASE))
    await expect(screen.reply.get_by_role("button", name="Regenerate")).to_be_visible()
    await is_alive(screen)


async def test_an_error_in_the_middle_keeps_the_text_and_offers_a_way_on(visitor: Visitor) -> None:
    """A failed reply says so; Continue goes on to the end, without a gap."""
    screen = await visitor.opens()
    await screen.sends("Break [n:60 r:100 fault:error at:40 tries:3]")
    await screen.reply_has_ended()
    await screen.reply_is("failed")
    assert (await screen.numbers())[:40] == list(range(40))
    await expect(screen.reply).to_contain_text(re.compile("overloaded|fail|error", re.IGNORECASE))
    await screen.button("Continue").click()
    await screen.reply_is("complete")
    await screen.reply_is_exactly(60)


async def test_a_refusal_before_the_first_word_says_why(visitor: Visitor) -> None:
    """The message stays, and Regenerate asks again."""
    screen = await visitor.opens()
    await screen.sends("Refuse [n:5 fault:400 tries:1]")
    await screen.reply_is("failed")
    await expect(screen.said).to_contain_text("Refuse")
    await expect(screen.reply).to_contain_text(re.compile(r"\w{4,}"))
    await screen.button("Regenerate").click()
    await screen.reply_is("complete")
    await screen.reply_is_exactly(5)
