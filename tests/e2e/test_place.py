"""What one reads stays where it is: while things above it and below it grow, and when the page comes back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Locator, Route, WebSocketRoute, expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.saying import Say
from tests.e2e.screen import Screen
from tests.e2e.seeding import lengthen
from tests.e2e.test_connection import is_quiet
from tests.e2e.test_long_conversation import RESTS, STILL_PX, WATCH, frames, message
from tests.e2e.visitor import Visitor
from tests.waiting import eventually

DIAGRAM: Final = "```mermaid\nflowchart TD\n  A[Begin] --> B[Go on] --> C[And on] --> D[End]\n```\n"
TOP: Final = "one => one.getBoundingClientRect().top"
#: Puts it a little below the top of what is seen.
TO_THE_TOP: Final = """one => { const scroller = one.closest("[role=log]").parentElement;
  scroller.scrollTop += one.getBoundingClientRect().top - 100 }"""
#: Whether the browser has noted where the reader is.
IS_KEPT: Final = """log => { const { top } = log.parentElement.getBoundingClientRect();
  const first = [...log.querySelectorAll("article")].find((one) => one.getBoundingClientRect().bottom > top);
  return sessionStorage.getItem("place") === first.dataset.messageId }"""
#: As an image does that has come.
PAD: Final = "(one, px) => { one.style.paddingTop = px }"


async def leaves_the_end(screen: Screen) -> None:
    """The wheel is turned back, wherever the pointer rests."""
    await screen.log.hover()
    await screen.page.mouse.wheel(0, -400)
    await expect(screen.button("Jump to latest")).to_be_visible()
    await eventually(lambda: screen.log.evaluate(RESTS))


async def goes_up_to(screen: Screen, there: Locator) -> None:
    """As far as it takes; then the message is at the top, and all that comes has come."""

    async def arrived() -> bool:
        await screen.log.evaluate("log => log.parentElement.scrollBy(0, -600)")
        return await there.count() > 0

    await eventually(arrived, seconds=30)
    await there.evaluate(TO_THE_TOP)
    await eventually(lambda: screen.log.evaluate(RESTS))
    await eventually(lambda: screen.log.evaluate(IS_KEPT))


async def in_a_long_one(screen: Screen, server: AppServer) -> list[str]:
    """In a conversation of 300 messages, just above its end; the ids of all."""
    await screen.goes_to("/")
    await screen.asks("Begin [n:5]")
    ids = await lengthen(server, screen.conversation_id, 300)
    await screen.goes_to(f"/c/{screen.conversation_id}")
    await expect(message(screen, ids[-1])).to_be_in_viewport()
    await leaves_the_end(screen)
    return ids


async def reads_far_up(screen: Screen, server: AppServer) -> list[str]:
    """The same, at its message 150."""
    ids = await in_a_long_one(screen, server)
    await goes_up_to(screen, message(screen, ids[150]))
    return ids


@asynccontextmanager
async def stays(screen: Screen, read: Locator) -> AsyncGenerator[None]:
    """Interrupt the page meanwhile: then it has what is around this message, and that where it was."""
    before, count = await read.evaluate(TOP), await screen.log.locator("article").count()
    yield
    await is_quiet(screen)
    await expect(screen.log.locator("article")).not_to_have_count(count)
    assert await screen.log.locator("article").count() < count
    assert abs(await read.evaluate(TOP) - before) <= STILL_PX


async def test_nothing_moves_it_that_grows_above_or_streams_below(visitor: Visitor, say: Say) -> None:
    """An image that has come, thoughts that are unfolded, a diagram that is drawn at last."""
    screen = await visitor.opens()
    await screen.asks("Think first [n:20 reason:300]")
    may_load = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_load.wait()
        await route.continue_()

    await screen.page.route("**/assets/*.js", hold)
    await screen.asks(say(DIAGRAM))
    for number in range(5):
        await screen.asks(f"Turn {number} [n:20]")
    await screen.sends("And now [n:1500 r:60]")
    await screen.reply_shows(20)
    await leaves_the_end(screen)
    read = screen.said.nth(3)
    await read.evaluate(TO_THE_TOP)
    diagram = screen.replies.nth(1).locator(".diagram img")
    await screen.log.evaluate(WATCH)
    before = await read.evaluate(TOP)
    high = await screen.log.evaluate("log => log.offsetHeight")
    may_load.set()
    await expect(diagram).to_have_count(1)
    for px in ("300px", "0px", "150px"):
        await screen.said.nth(1).evaluate(PAD, px)
        await frames(screen, 5)
    await screen.replies.first.locator("details").evaluate("one => { one.open = true }")
    await frames(screen, 5)
    await expect(screen.reply).to_have_attribute("data-status", "streaming")
    await screen.button("Stop").click()
    await screen.reply_has_ended()
    jumps = await frames(screen, 5)
    assert await screen.log.evaluate("log => log.offsetHeight") > high + 200
    assert abs(await read.evaluate(TOP) - before) <= STILL_PX
    assert max(jumps) <= STILL_PX


async def test_nothing_moves_it_when_older_messages_come(come: Come, server: AppServer) -> None:
    """At the very top, near it and far from it, and also when one has just got there from far away."""
    visitor = await come(server.url)
    screen = await visitor.tab()
    may_come = asyncio.Event()
    may_come.set()

    def connect(line: WebSocketRoute) -> None:
        async def bring(message: str | bytes) -> None:
            await may_come.wait()
            line.send(message)

        line.connect_to_server().on_message(bring)

    await screen.page.route_web_socket("**/_event/**", connect)
    await in_a_long_one(screen, server)
    articles = screen.log.locator("article")
    for px in (20, 0, 1, 20, 300):
        await eventually(lambda: screen.log.evaluate(RESTS))
        count, first = await articles.count(), await articles.first.get_attribute("data-message-id")
        read = message(screen, str(first))
        may_come.clear()
        await screen.log.evaluate("(log, px) => { log.parentElement.scrollTop = px }", px)
        await eventually(lambda: screen.log.evaluate(RESTS))
        before = await read.evaluate(TOP)
        may_come.set()
        await expect(articles).not_to_have_count(count)
        await eventually(lambda: screen.log.evaluate(RESTS))
        assert abs(await read.evaluate(TOP) - before) <= STILL_PX, px
        await screen.log.evaluate("log => log.parentElement.scrollBy(0, 3000)")


async def test_it_is_there_again_after_an_interruption(server: AppServer, come: Come) -> None:
    """The line was cut: what was in view is, and one reads on from there."""
    visitor = await come(server.url)
    visitor.was_cut = True
    screen = await visitor.tab()
    lines = list[WebSocketRoute]()

    def connect(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    await screen.page.route_web_socket("**/_event/**", connect)
    ids = await reads_far_up(screen, server)
    async with stays(screen, message(screen, ids[150])):
        await lines[-1].close()
    other = await visitor.opens(f"/c/{screen.conversation_id}")
    await expect(message(other, ids[-1])).to_be_in_viewport()
    await other.asks("Something new [n:5]")
    await expect(screen.button("Jump to latest")).to_contain_text("2 new messages")
    await screen.button("Jump to latest").click()
    await expect(screen.reply).to_be_in_viewport()
    await screen.page.reload()
    await expect(screen.said.last).to_contain_text("Something new")
    await expect(screen.reply).to_be_in_viewport()


async def test_it_is_there_again_after_a_restart(mortal: AppServer, come: Come) -> None:
    """The server that comes back knows only what the page tells it."""
    visitor = await come(mortal.url)
    visitor.was_cut = True
    screen = await visitor.tab()
    ids = await reads_far_up(screen, mortal)
    async with stays(screen, message(screen, ids[150])):
        await asyncio.to_thread(mortal.kill)
        await asyncio.to_thread(mortal.start)
