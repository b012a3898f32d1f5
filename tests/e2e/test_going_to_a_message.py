"""An address names a message: the page opens there, and stays there until the reader moves."""

import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.screen import Screen
from tests.e2e.seeding import lengthen
from tests.e2e.test_accessibility import complaints
from tests.e2e.visitor import Visitor
from tests.waiting import eventually

#: As a link within the page does it, and the browser's own "Back".
WALK = "to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')) }"
IN_THE_MIDDLE = """one => { const { top, bottom } = one.getBoundingClientRect();
  return Math.abs(top + bottom - innerHeight) < innerHeight / 2 }"""

Long = tuple[Screen, str, list[str]]


def message(screen: Screen, message_id: str) -> Locator:
    return screen.page.locator(f"article[data-message-id='{message_id}']")


async def is_found(screen: Screen, message_id: str) -> None:
    """In view, pointed out, and it has the focus."""
    found = message(screen, message_id)
    await expect(found).to_have_attribute("data-found", "")
    await expect(found).to_be_in_viewport()
    await expect(found).to_be_focused()


@pytest_asyncio.fixture(loop_scope="session")
async def long(visitor: Visitor, server: AppServer) -> Long:
    """A tab, the address of a conversation with 400 messages more than its first turn, and their ids."""
    screen = await visitor.opens()
    await screen.asks("Begin [n:5]")
    return screen, f"/c/{screen.conversation_id}", await lengthen(server, screen.conversation_id, 400)


async def scroll_until(screen: Screen, dy: int, there: Locator) -> None:
    """The wheel tells that it is the reader who moves; the rest of the way is the same, and quicker."""
    await screen.log.hover()
    await screen.page.mouse.wheel(0, dy)

    async def arrived() -> bool:
        await screen.log.evaluate("(log, dy) => log.parentElement.scrollBy(0, dy)", dy)
        return await there.is_visible()

    await eventually(arrived, seconds=30)


async def test_the_message_is_in_view_and_one_reads_on_from_there(long: Long, visitor: Visitor) -> None:
    """Older and newer ones load as one comes to them; what is new at the end is counted meanwhile."""
    screen, path, ids = long
    await screen.goes_to(f"{path}?m={ids[150]}")
    await is_found(screen, ids[150])
    await eventually(lambda: message(screen, ids[150]).evaluate(IN_THE_MIDDLE))
    await expect(message(screen, ids[-1])).to_have_count(0)
    assert await complaints(screen) == []
    await expect(message(screen, ids[150])).not_to_have_attribute("data-found", "", timeout=5_000)
    other = await visitor.opens(path)
    await other.asks("Something new [n:5]")
    await expect(screen.button("Jump to latest")).to_contain_text("2 new messages")
    await scroll_until(screen, 600, message(screen, ids[200]))
    assert "?" not in screen.page.url
    await scroll_until(screen, -600, message(screen, ids[90]))
    await screen.button("Jump to latest").click()
    await expect(screen.said.last).to_contain_text("Something new")
    await expect(screen.reply).to_be_in_viewport()
    await expect(screen.button("Jump to latest")).to_be_hidden()
    await screen.page.reload()
    await expect(screen.reply).to_be_in_viewport()


async def test_from_within_the_conversation_and_back_to_its_end(long: Long) -> None:
    """A message that is shown already, one that is not, the same one again; then one sends something."""
    screen, path, ids = long
    await screen.goes_to(path)
    await expect(message(screen, ids[-1])).to_be_in_viewport()
    for one in (ids[-20], ids[30], ids[-20]):
        await screen.page.evaluate(WALK, f"{path}?m={one}")
        await is_found(screen, one)
    await screen.page.evaluate(WALK, f"{path}?m={ids[60]}")
    await is_found(screen, ids[60])
    await screen.writes("And now [n:40 r:80]")
    await screen.composer.press("Enter")
    await expect(screen.said.last).to_contain_text("And now")
    await screen.reply_shows(30)
    await expect(screen.said.last).to_be_in_viewport()
    await screen.reply_is("complete")
    await screen.reply_is_exactly(40)


async def test_on_a_branch_that_is_not_shown(visitor: Visitor) -> None:
    """The branch is shown then."""
    screen = await visitor.opens()
    await screen.asks("Whales [n:4]")
    first = await screen.reply.get_attribute("data-message-id")
    await screen.reply.get_by_role("button", name="Regenerate").click()
    await expect(screen.reply).to_contain_text("2 / 2")
    await screen.reply_is("complete")
    await screen.page.evaluate(WALK, f"/c/{screen.conversation_id}?m={first}")
    await expect(screen.reply).to_contain_text("1 / 2")
    await is_found(screen, str(first))


async def test_a_message_that_is_not_there_or_not_theirs(long: Long, come: Come, server: AppServer) -> None:
    """The conversation opens at its end, as always; nothing tells one from the other."""
    screen, path, ids = long
    theirs = await (await come(server.url)).opens()
    await theirs.asks("Mine alone [n:4]")
    secret = await theirs.reply.get_attribute("data-message-id")
    for one in ("nothing", str(secret), "%00<script>"):
        await screen.goes_to(f"{path}?m={one}")
        await expect(message(screen, ids[-1])).to_be_in_viewport()
        await expect(screen.page.locator("[data-found]")).to_have_count(0)
        await expect(screen.button("Jump to latest")).to_be_hidden()
        await expect(screen.page.get_by_role("alert")).to_be_hidden()
    await theirs.goes_to(f"{path}?m={ids[3]}")
    await expect(theirs.page.get_by_text("not found")).to_be_visible()
