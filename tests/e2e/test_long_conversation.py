"""A conversation of a thousand messages opens, grows and is read as a short one does."""

import statistics
import time
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.app_server import AppServer
from tests.e2e.screen import Screen
from tests.e2e.seeding import lengthen
from tests.e2e.visitor import Visitor
from tests.waiting import eventually

MESSAGES = 1_000
#: From the press of a key to the frame that shows its letter, at each key: milliseconds.
TIME_KEYS = """field => { window.keys = []; field.addEventListener("keydown", () => {
  const at = performance.now();
  requestAnimationFrame(() => setTimeout(() => window.keys.push(performance.now() - at))) }) }"""
#: How far anything that is in view moves from one frame to the next, except when the reader moves it (`go`).
WATCH = """log => {
  const scroller = log.parentElement, top = (one) => one.getBoundingClientRect().top;
  let seen = null, was = 0, moved = false;
  window.jumps = [];
  window.go = (dy) => { moved = true; scroller.scrollBy(0, dy) };
  const look = () => {
    window.jumps.push(seen?.isConnected && !moved ? Math.round(Math.abs(top(seen) - was)) : 0);
    moved = false;
    seen = [...log.querySelectorAll("article")].find((one) => top(one) > 60);
    was = seen ? top(seen) : 0;
    requestAnimationFrame(() => setTimeout(look));
  };
  look();
}"""
#: Rounding, twice.
STILL_PX = 2
#: Whether a wheel that was turned has come to its end.
RESTS = """async ({ parentElement: scroller }) => {
  const before = scroller.scrollTop;
  for (let n = 0; n < 6; n++) await new Promise(requestAnimationFrame);
  return scroller.scrollTop === before }"""
#: One that lies above what is seen grows, as by an image that has come.
GROW = """log => { const all = [...log.querySelectorAll("article")];
  all[all.findIndex((one) => one.getBoundingClientRect().top > 60) - 3].style.paddingTop = "500px" }"""

Long = tuple[Visitor, Screen, list[str]]


def message(screen: Screen, message_id: str) -> Locator:
    return screen.page.locator(f"article[data-message-id='{message_id}']")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def a_thousand(browser: Browser, server: AppServer) -> AsyncGenerator[Long]:
    """A visitor, a tab that shows the new-chat page, and the messages of their long conversation."""
    visitor = await Visitor.came(browser, server.url)
    screen = await visitor.opens()
    await screen.asks("Long talk [n:5]")
    ids = await lengthen(server, screen.conversation_id, MESSAGES)
    yield visitor, screen, ids
    await visitor.leaves()


def count_bytes(page: Page) -> list[int]:
    """The sizes of what the page's sockets receive from its next load on."""
    received = list[int]()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    return received


@pytest.mark.alone
async def test_it_opens_within_a_second(a_thousand: Long) -> None:
    """From the click on its title to its last message in view: the best of three, as machines are busy."""
    _, screen, ids = a_thousand
    took = list[float]()
    for _ in range(3):
        await screen.starts_anew()
        started = time.monotonic()
        await screen.sidebar.get_by_role("link", name="Long talk").click()
        await expect(message(screen, ids[-1])).to_be_in_viewport()
        took.append(time.monotonic() - started)
    print(f"opened in {[round(one * 1000) for one in took]} ms")
    assert min(took) < 1


async def test_older_messages_come_without_a_jump(a_thousand: Long) -> None:
    """What one reads stays where it is: while older ones are put before it, and while one of them grows."""
    _, screen, ids = a_thousand
    await screen.goes_to(f"/c/{screen.conversation_id}")
    await expect(message(screen, ids[-1])).to_be_in_viewport()
    await expect(message(screen, ids[-100])).to_have_count(0)
    await screen.log.hover()
    await screen.page.mouse.wheel(0, -800)
    await expect(screen.button("Jump to latest")).to_be_visible()
    await eventually(lambda: screen.log.evaluate(RESTS))
    await screen.log.evaluate(WATCH)

    async def got_to(message_id: str) -> bool:
        await screen.page.evaluate("() => go(-700)")
        await frames(screen, 3)
        return await message(screen, message_id).is_visible()

    await eventually(lambda: got_to(ids[-200]), seconds=40)
    articles = screen.log.locator("article")
    for _ in range(2):
        count = await articles.count()
        await screen.page.evaluate("() => go(-1e6)")
        await expect(articles).not_to_have_count(count)
    await screen.page.evaluate("() => go(900)")
    await frames(screen, 3)
    await screen.log.evaluate(GROW)
    jumps = await frames(screen, 5)
    print(f"{len(jumps)} frames, the largest jump {max(jumps)} px")
    assert max(jumps) <= STILL_PX, "a page of older messages is some 6,000 px high, and what grows 500"


async def frames(screen: Screen, more: int) -> list[int]:
    """All jumps so far, after so many more frames."""
    count = await screen.page.evaluate("() => jumps.length") + more

    async def enough() -> bool:
        return bool(await screen.page.evaluate("count => jumps.length >= count", count))

    await eventually(enough)
    return list(await screen.page.evaluate("() => jumps"))


@pytest.mark.alone
async def test_one_types_while_a_reply_streams(a_thousand: Long) -> None:
    """A letter is on the screen within 50 ms of its key, as a rule; the reply is at the end all the while."""
    _, screen, ids = a_thousand
    await screen.goes_to(f"/c/{screen.conversation_id}")
    await expect(message(screen, ids[-1])).to_be_in_viewport()
    medians = list[float]()
    for _ in range(3):
        await screen.sends("Stream [n:400 r:60]")
        await screen.reply_shows(20)
        await screen.composer.evaluate(TIME_KEYS)
        await screen.page.keyboard.type("Typing on and on while it streams", delay=30)
        times = await screen.page.evaluate("() => window.keys")
        medians.append(statistics.median(times))
        print(f"keys: median {medians[-1]:.0f}, largest {max(times):.0f} ms")
        await expect(screen.button("Jump to latest")).to_be_hidden()
        await screen.button("Stop").click()
        await screen.reply_has_ended()
        await screen.writes("")
        if medians[-1] < 50:
            break
    assert min(medians) < 50


async def test_a_turn_costs_the_same_bytes_in_it(a_thousand: Long) -> None:
    """What a tab receives for a turn does not know how long the conversation is."""
    visitor, long, _ = a_thousand
    short = await visitor.tab()
    received = count_bytes(short.page)
    await short.goes_to("/")
    await short.asks("Short talk [n:5]")
    costs = list[int]()
    for path in (short.page.url, long.page.url):
        await short.goes_to(path)
        await short.is_online()
        await expect(short.reply).to_be_in_viewport()
        await short.asks("Warm up [n:5]")
        received.clear()
        await short.asks("What does it cost? [n:60 r:60]")
        await short.reply_is_exactly(60)
        costs.append(sum(received))
    print(f"a turn's bytes: {costs[0]} in a short conversation, {costs[1]} in a long one")
    assert costs[1] < 1.5 * costs[0] + 2_000
