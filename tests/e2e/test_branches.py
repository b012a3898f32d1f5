"""Other words and other replies stand beside the originals, in every tab, and cost what is new only."""

from playwright.async_api import Locator, Page, expect

from tests.app_server import AppServer
from tests.e2e.saying import Say
from tests.e2e.screen import Screen
from tests.e2e.seeding import lengthen
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor
from tests.upstream import text

EDITOR = "Other words"


def action(message: Locator, name: str) -> Locator:
    return message.get_by_role("button", name=name, exact=True)


async def focused(page: Page) -> str:
    """The name of what has the focus, and in which message."""
    return str(
        await page.evaluate(
            "() => { const one = document.activeElement; return one.getAttribute('aria-label') + ' ' + "
            "(one.closest('article')?.querySelector('.words')?.innerText ?? '') }"
        )
    )


async def edits(screen: Screen, message: Locator, words: str) -> None:
    """By keyboard alone, once the button has the focus."""
    await action(message, "Edit").focus()
    await screen.page.keyboard.press("Enter")
    field = message.get_by_role("textbox", name=EDITOR)
    await expect(field).to_be_focused()
    await field.fill(words)
    await screen.page.keyboard.press("Enter")


async def test_an_edit_is_a_version_and_the_original_stays(visitor: Visitor, server: AppServer) -> None:
    """Escape leaves it as it was; Enter makes a version; one walks between them in every tab."""
    screen = await visitor.opens()
    await screen.asks("First try [n:8]")
    other = await visitor.opens(f"/c/{screen.conversation_id}")
    await action(screen.said, "Edit").click()
    await screen.page.keyboard.type(" and more")
    await screen.page.keyboard.press("Escape")
    assert await focused(screen.page) == "Edit First try [n:8]"
    await edits(screen, screen.said, "Second try [n:12]")
    await expect(screen.said).to_contain_text("2 / 2")
    assert await focused(screen.page) == "Edit Second try [n:12]"
    for one in (screen, other):
        await expect(one.said).to_contain_text("Second try")
        await expect(one.said).to_contain_text("2 / 2")
        await one.reply_shows(11)  # not the one before
        await one.reply_is("complete")
        await expect(one.reply.locator(".words")).to_have_text(text(12))
    await action(screen.said, "Previous version").click()
    for one in (screen, other):
        await expect(one.said).to_contain_text("1 / 2")
        await expect(one.reply.locator(".words")).to_have_text(text(8))
    said = [one.text for one in kept(server.data_dir, screen.conversation_id) if one.role == "user"]
    assert said == ["First try [n:8]", "Second try [n:12]"]


async def test_a_reply_has_versions_too(visitor: Visitor) -> None:
    """Regenerate adds one, and the buttons between them keep the focus."""
    screen = await visitor.opens()
    await screen.asks("Count [n:9]")
    await action(screen.reply, "Regenerate").click()
    await expect(screen.reply).to_contain_text("2 / 2")
    await screen.reply_is("complete")
    await expect(screen.reply.locator(".words")).to_have_text(text(9))
    back = action(screen.reply, "Previous version")
    await back.focus()
    await screen.page.keyboard.press("Enter")
    await expect(screen.reply).to_contain_text("1 / 2")
    await expect(back).to_be_focused()
    await screen.page.reload()
    await expect(screen.reply).to_contain_text("1 / 2")


async def test_a_message_is_copied_as_written_and_as_read(visitor: Visitor, say: Say) -> None:
    """By keyboard; a word says so, and the focus stays."""
    screen = await visitor.opens()
    await screen.asks(say("**Bold** and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"))
    await expect(screen.reply.locator("table")).to_be_visible()
    await screen.page.bring_to_front()
    for name, copied in (
        ("Copy", "**Bold** and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
        ("Plain text to the clipboard", "Bold and code\n\na\tb\n1\t2"),
    ):
        button = action(screen.reply, name).first
        await button.focus()
        await screen.page.keyboard.press("Enter")
        await expect(screen.reply.get_by_role("status").filter(has_text="Copied")).to_be_attached()
        await expect(screen.reply.get_by_role("button", name="Copied")).to_be_focused()
        assert str(await screen.page.evaluate("navigator.clipboard.readText()")).strip() == copied.strip()
        await expect(action(screen.reply, "Copied")).to_have_count(0)
        await expect(button).to_be_focused()


async def test_a_cleared_conversation_can_be_had_back(visitor: Visitor) -> None:
    """In every tab, with its versions; sending into the empty one works too."""
    screen = await visitor.opens()
    await screen.asks("Keep me [n:6]")
    other = await visitor.opens(f"/c/{screen.conversation_id}")
    await action(screen.reply, "Regenerate").click()
    await expect(screen.reply).to_contain_text("2 / 2")
    await screen.reply_is("complete")
    await screen.button("Conversation menu").click()
    await screen.page.get_by_role("menuitem", name="Clear conversation").click()
    for one in (screen, other):
        await expect(one.page.locator("article")).to_have_count(0)
    await screen.button("Undo").click()
    for one in (screen, other):
        await expect(one.reply).to_contain_text("2 / 2")
        await expect(one.reply).to_contain_text("w5")
    await screen.asks("And on [n:4]")
    await expect(other.said).to_have_count(2)


async def test_what_was_being_edited_is_not_lost_when_its_message_goes(visitor: Visitor) -> None:
    """Another tab went to a branch without it: the words are in the composer."""
    screen = await visitor.opens()
    await screen.asks("One [n:4]")
    await edits(screen, screen.said, "Two [n:4]")
    await expect(screen.said).to_contain_text("2 / 2")
    await screen.reply_is("complete")
    await screen.asks("Something [n:4]")
    other = await visitor.opens(f"/c/{screen.conversation_id}")
    await action(screen.said.last, "Edit").click()
    await screen.page.keyboard.type(", half written")
    await action(other.said.first, "Previous version").click()
    await expect(screen.said).to_have_count(1)
    await expect(screen.composer).to_have_value("Something [n:4], half written")


async def test_a_version_in_a_long_conversation_costs_what_is_new(
    visitor: Visitor, server: AppServer
) -> None:
    """Nothing that is on the screen already is sent again."""
    screen = await visitor.opens()
    await screen.asks("Begin [n:5]")
    await lengthen(server, screen.conversation_id, 200)
    received = list[int]()
    screen.page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame)))
    )
    await screen.page.reload()
    await screen.is_online()
    await expect(screen.replies).to_have_count(30)
    opened = sum(received)
    received.clear()
    await action(screen.reply, "Regenerate").click()
    await expect(screen.reply).to_contain_text("2 / 2")
    await edits(screen, screen.said.nth(20), "In the middle [n:6]")
    await expect(screen.replies).to_have_count(21)
    await screen.reply_is("complete")
    await expect(screen.reply.locator(".words")).to_have_text(text(6))
    # The list of conversations and the growing replies are in it too.
    assert sum(received) < opened / 4
