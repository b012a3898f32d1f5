"""The server dies in mid-reply and is started again: nobody in front of a page has to do anything."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.chaos.ending import TOKENS, ends_right
from tests.e2e.fixtures import Come
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor
from tests.upstream import text

#: Tokens a second.
RATE: Final = 80
#: Until a tab is live again after the start.
BACK_S: Final = 10.0
#: What models do with the beginning of a reply: go on after it, or start again.
MODES: Final = ("prefill", "restart")

Fault = Callable[[AppServer], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(come: Come, mortal: AppServer) -> Visitor:
    """A visitor of the app that will die."""
    if not mortal.is_running:  # an earlier test failed between its kill and its start
        await asyncio.to_thread(mortal.start)
    found = await come(mortal.url)
    found.was_cut = True
    return found


async def killed(server: AppServer) -> None:
    """kill -9, and a start on the same port with the same data."""
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


async def restarted(server: AppServer) -> None:
    """SIGTERM as a supervisor sends it, and a start; leaving takes at most 10 s and is no error."""
    started = time.monotonic()
    assert await asyncio.to_thread(server.terminate) == 0
    assert time.monotonic() - started <= 10
    await asyncio.to_thread(server.start)


@pytest.mark.parametrize("fault", [killed, restarted], ids=["kill-9", "sigterm"])
async def test_every_tab_comes_back_and_its_reply_is_whole(
    visitor: Visitor, mortal: AppServer, chance: random.Random, rounds: int, fault: Fault
) -> None:
    """At random moments: logged in, same conversation, draft kept, reply complete byte for byte."""
    tabs = [await visitor.opens() for _ in MODES]
    words: list[list[str]] = [[] for _ in MODES]
    for number in range(rounds if fault is killed else max(rounds // 3, 1)):
        for tab, mode, said in zip(tabs, MODES, words, strict=True):
            said.append(f"Round {number} [n:{TOKENS} r:{RATE} cont:{mode}]")
            await tab.sends(said[-1])
            await tab.writes(f"half a thought {number}")
        await asyncio.sleep(chance.uniform(0, TOKENS / RATE))
        places = [tab.page.url for tab in tabs]
        await fault(mortal)
        await asyncio.gather(*(tab.is_online(within=BACK_S) for tab in tabs))
        for tab, said, place in zip(tabs, words, places, strict=True):
            await ends_right(tab, mortal, said)
            await expect(tab.composer).to_have_value(f"half a thought {number}")
            assert tab.page.url == place
            await expect(tab.sidebar.get_by_role("link")).to_have_count(len(MODES))


async def test_a_reply_survives_two_kills(visitor: Visitor, mortal: AppServer, chance: random.Random) -> None:
    """The second while the reply is being taken up again; nothing that was shown is taken back."""
    words = [f"Twice [n:{TOKENS} r:{RATE // 2} cont:{mode}]" for mode in MODES]
    tabs = [await visitor.opens() for _ in MODES]
    await asyncio.gather(*(tab.sends(said) for tab, said in zip(tabs, words, strict=True)))
    at = chance.randrange(5, TOKENS // 4)
    await asyncio.gather(*(tab.reply_shows(at) for tab in tabs))
    shown = [await tab.numbers() for tab in tabs]
    await killed(mortal)
    later = max(shown)[-1] + chance.randrange(1, TOKENS // 4)
    await asyncio.gather(*(tab.reply_shows(later) for tab in tabs))
    assert [(await tab.numbers())[: len(old)] for tab, old in zip(tabs, shown, strict=True)] == shown
    await killed(mortal)
    for tab, said in zip(tabs, words, strict=True):
        await tab.is_online(within=BACK_S)
        await ends_right(tab, mortal, [said])


async def test_a_kill_right_after_send_leaves_one_message(
    visitor: Visitor, mortal: AppServer, chance: random.Random, rounds: int
) -> None:
    """Whether the server had it or not: it is there once, and is answered once."""
    for number in range(max(rounds // 2, 1)):
        tabs = [await visitor.opens(), await visitor.opens()]
        words = f"Now {number} [n:{TOKENS} r:400]"
        await asyncio.gather(*(tab.writes(words) for tab in tabs))
        await asyncio.gather(*(tab.composer.press("Enter") for tab in tabs))
        await asyncio.sleep(chance.uniform(0, 0.06))
        await killed(mortal)
        for tab in tabs:
            await tab.is_online(within=BACK_S)
            await ends_right(tab, mortal, [words])


async def test_what_waits_survives_a_kill(visitor: Visitor, mortal: AppServer) -> None:
    """As it was changed and in its order; each goes out once, after the reply that was being made."""
    screen = await visitor.opens()
    words = [f"Long [n:{TOKENS} r:{RATE}]", *(f"Waits {n} [n:{TOKENS} r:1000]" for n in (1, 2))]
    await screen.sends(words[0])
    await screen.reply_shows(5)
    await screen.sends(words[1])
    await screen.sends(words[2])
    await screen.button(f"Move up: {words[2]}").click()
    group = screen.page.get_by_role("group", name="Waiting messages")
    await expect(group.locator("article .words")).to_have_text([words[2], words[1]])
    await killed(mortal)
    await screen.is_online(within=BACK_S)
    await expect(screen.page.locator("article[data-role=assistant][data-status=complete]")).to_have_count(
        3, timeout=20_000
    )
    await expect(screen.said.locator(".words")).to_have_text([words[0], words[2], words[1]])
    stored = kept(mortal.data_dir, screen.conversation_id)
    assert sorted(one.text for one in stored if one.role == "user") == sorted(words)
    assert [one.text for one in stored if one.role == "assistant"] == [text(TOKENS)] * 3


async def test_what_is_sent_while_there_is_no_server_is_sent_once(
    visitor: Visitor, mortal: AppServer
) -> None:
    """It waits on the page, says so, and goes out in order when the server is back; a reload changes
    nothing."""
    screen = await visitor.opens()
    words = [f"Before [n:{TOKENS} r:{RATE}]", *(f"Meanwhile {n} [n:{TOKENS} r:1000]" for n in (1, 2))]
    await screen.sends(words[0])
    await screen.reply_shows(10)
    await asyncio.to_thread(mortal.kill)
    await expect(screen.connection).to_have_attribute("data-connection", "offline")
    for one in words[1:]:
        await screen.sends(one)
        await expect(screen.said.last).to_have_attribute("data-status", "queued")
    await screen.writes("and a draft")
    await asyncio.to_thread(mortal.start)
    await screen.is_online(within=BACK_S)
    await ends_right(screen, mortal, words)
    await expect(screen.composer).to_have_value("and a draft")
    await screen.page.reload()
    await ends_right(screen, mortal, words)
