"""`python -m tests.proxy.rolling`: everything is restarted, one by one, while people stream replies.

Some read through programs, some look at pages. Whatever is restarted, each message is stored and answered
once, byte for byte; no page is loaded anew, and nobody is logged out.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from playwright.async_api import Browser, async_playwright, expect

from tests.app_build import build_app
from tests.chaos.people import Person, Reply, client
from tests.e2e.fixtures import CHROMIUM
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor
from tests.needs import chromium_path
from tests.proxy.everything import Everything
from tests.upstream import Upstream, text

#: Of each reply: a restart falls into the middle of most of them.
TOKENS: Final = 300
RATE: Final = 30

Tell = Callable[[str], None]


async def rolled(
    everything: Everything, browser: Browser, parts: Sequence[str], *, people: int, pages: int, tell: Tell
) -> None:
    """Restarts these parts, in this order, beneath so many people; fails when anything was lost."""
    done = asyncio.Event()
    async with client(everything.caddy.ssl) as http:
        talkers = [await Person([everything.url], client=http).arrived() for _ in range(people)]
        visitors = [
            await Visitor.came(browser, everything.url, ignore_https_errors=True) for _ in range(pages)
        ]
        screens = [await visitor.opens() for visitor in visitors]
        for visitor in visitors:
            visitor.was_cut = True
        talks = [asyncio.create_task(_talks(one, done)) for one in talkers]
        looks = [asyncio.create_task(_looks(one, done)) for one in screens]
        try:
            for name in parts:
                began = time.monotonic()
                await asyncio.to_thread(everything.parts()[name])
                tell(f"{name:10} restarted in {time.monotonic() - began:4.1f} s")
            done.set()
            replies = [reply for talk in await asyncio.gather(*talks) for reply in talk]
            seen = sum(await asyncio.gather(*looks))
        finally:
            for task in (*talks, *looks):
                task.cancel()
        for visitor in visitors:
            await visitor.leaves()
    for name, process in everything.processes.items():
        tell(f"{name:10} {process.rss_bytes() / 1e6:3.0f} MB")
    silences = sorted(max(b - a for a, b in zip(one.times, one.times[1:], strict=False)) for one in replies)
    seams = sum(len(reply.seams) for reply in replies)
    tell(
        f"{len(replies)} replies to programs, {seen} on pages, {seams} seams; the longest silence in a reply:"
        f" median {silences[len(silences) // 2]:.1f} s, at most {silences[-1]:.1f} s"
    )


async def _talks(person: Person, done: asyncio.Event) -> list[Reply]:
    """Says one thing after the other in one conversation; each reply is whole, and stored as told."""
    replies: list[Reply] = []
    conversation_id = uuid4().hex
    while not (done.is_set() and replies):
        said = f"Number {len(replies)} [n:{TOKENS} r:{RATE}]"
        replies.append(reply := Reply(said=said, conversation_id=conversation_id))
        await person.reads(reply)
        assert (reply.status, reply.text) == ("complete", text(TOKENS)), reply
    history = (await person.get(f"/api/sessions/{conversation_id}/history"))["history"]
    wanted = [pair for one in replies for pair in (("user", one.said), ("assistant", one.text))]
    assert [(one["role"], one["content"]) for one in history] == wanted
    return replies


async def _looks(screen: Screen, done: asyncio.Event) -> int:
    """The same on a page, which is loaded once; returns how many replies it was shown."""
    loads = list[str]()
    screen.page.on("load", lambda page: loads.append(page.url))
    count = 0
    while not (done.is_set() and count):
        await screen.asks(f"Number {count} [n:{TOKENS} r:{RATE}]")
        count += 1
    await _is_whole(screen, count)
    await screen.page.reload()
    await _is_whole(screen, count)
    assert len(loads) == 1, "the page was loaded anew by itself"
    return count


async def _is_whole(screen: Screen, count: int) -> None:
    for found in (screen.said, screen.page.locator("article[data-role=assistant][data-status=complete]")):
        await expect(found).to_have_count(count)
    await screen.reply_is_exactly(TOKENS)


async def _main(people: int, pages: int, only: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="chatapp-rolling-") as name:
        folder = Path(name)
        async with Upstream() as upstream, async_playwright() as playwright:
            build = await asyncio.to_thread(build_app, folder / "build")
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM))
            async with Everything(folder, build, upstream=upstream.base_url) as everything:
                parts = only or list(everything.parts())
                await rolled(everything, browser, parts, people=people, pages=pages, tell=print)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.proxy.rolling", description=__doc__)
    parser.add_argument("--people", type=int, default=18, help="who read through programs")
    parser.add_argument("--pages", type=int, default=2, help="who look at pages, in Chromium")
    parser.add_argument("--part", action="append", help="worker-1, web-2, redis …: these alone; all without")
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(given.people, given.pages, given.part or ()))
