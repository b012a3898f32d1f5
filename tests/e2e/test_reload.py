"""A page that is loaded again in mid-reply shows what was there, goes on, and ends right."""

import asyncio
import time

import pytest
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.screen import Screen
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor
from tests.upstream import text

TOKENS = 240
RATE = 60
#: From the start of a navigation to the partial text.
WITHIN_S = 1.5


@pytest.mark.parametrize("percent", [30, 60, 90])
async def test_a_reload_in_mid_reply_loses_nothing(visitor: Visitor, server: AppServer, percent: int) -> None:
    """What was on the screen is there again at once, grows, and ends byte for byte."""
    screen = await visitor.opens()
    await screen.sends(f"Count [n:{TOKENS} r:{RATE}]")
    await screen.reply_shows(TOKENS * percent // 100)
    shown = await screen.numbers()
    seconds = await reloaded(screen, shown[-1])
    assert seconds <= 3 * WITHIN_S  # how long it takes as a rule is measured below
    assert await screen.numbers() >= shown
    await ends_right(screen, server)


@pytest.mark.alone
async def test_reloads_again_and_again_lose_nothing(visitor: Visitor, server: AppServer) -> None:
    """Five reloads in one reply."""
    screen = await visitor.opens()
    await screen.sends(f"Count [n:{TOKENS} r:{RATE // 2}]")
    seconds: list[float] = []
    for at in range(1, 6):
        await screen.reply_shows(at * TOKENS // 8)
        seconds.append(await reloaded(screen, at * TOKENS // 8))
    # On a machine that does other things as well, one of them may take longer.
    assert sorted(seconds)[2] <= WITHIN_S
    await ends_right(screen, server)


async def test_a_tab_that_was_closed_is_opened_elsewhere(visitor: Visitor, server: AppServer) -> None:
    """The reply goes on without any reader, and a new tab finds it by its address."""
    first = await visitor.opens()
    await first.sends(f"Count [n:{TOKENS} r:{RATE}]")
    await first.reply_shows(20)
    path = f"/c/{first.conversation_id}"
    await first.page.close()
    second = await visitor.opens(path)
    await second.reply_shows(30)
    await ends_right(second, server)


async def test_several_replies_at_once_keep_apart(visitor: Visitor, server: AppServer) -> None:
    """Three tabs stream and are loaded again at different places; each keeps its own text."""

    async def one(percent: int) -> None:
        screen = await visitor.opens()
        await screen.sends(f"Count to {percent} [n:{TOKENS} r:{RATE}]")
        await screen.reply_shows(TOKENS * percent // 100)
        await screen.page.reload()
        await screen.reply_is("complete")
        stored = kept(server.data_dir, screen.conversation_id)
        assert [one.text for one in stored] == [f"Count to {percent} [n:{TOKENS} r:{RATE}]", text(TOKENS)]

    await asyncio.gather(*(one(percent) for percent in (25, 50, 75)))


async def reloaded(screen: Screen, token: int) -> float:
    """Load the page again; the seconds until this token is there."""
    started = time.monotonic()
    await screen.page.reload(wait_until="commit")
    await screen.reply_shows(token)
    return time.monotonic() - started


async def ends_right(screen: Screen, server: AppServer) -> None:
    await screen.reply_is("complete")
    await expect(screen.replies).to_have_count(1)
    await screen.reply_is_exactly(TOKENS)
    said, reply = kept(server.data_dir, screen.conversation_id)
    assert (reply.status, reply.text) == ("complete", text(TOKENS))
    assert said.text.startswith("Count [")
