"""What a page costs the browser: the time of its main thread, as the processor counts it.

Other programs on the machine make a task last longer, but do not make it need more of the processor.
"""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, CDPSession, Page


@dataclass(kw_only=True)
class Effort:
    """Of a page, over some time."""

    seconds: float = 0.0
    #: Of the main thread: all, and what of it were scripts, layout and style.
    busy_s: float = 0.0
    script_s: float = 0.0
    layout_s: float = 0.0
    style_s: float = 0.0
    #: Its tasks, the longest first: milliseconds of processor time.
    tasks_ms: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the time, in which the main thread was busy."""
        return self.busy_s / self.seconds

    @property
    def longest_ms(self) -> float:
        return self.tasks_ms[0] if self.tasks_ms else 0.0


@asynccontextmanager
async def effort(page: Page, *, tasks: bool = False) -> AsyncGenerator[Effort]:
    """Filled when the block ends; its tasks only if asked for, one page of a browser at a time."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    browser = page.context.browser
    if tasks and browser is not None:
        await browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    before, began = await _metrics(devtools), time.monotonic()
    found = Effort()
    try:
        yield found
    finally:
        after = await _metrics(devtools)
        found.seconds = time.monotonic() - began
        found.busy_s = after["TaskDuration"] - before["TaskDuration"]
        found.script_s = after["ScriptDuration"] - before["ScriptDuration"]
        found.layout_s = after["LayoutDuration"] - before["LayoutDuration"]
        found.style_s = after["RecalcStyleDuration"] - before["RecalcStyleDuration"]
        if tasks and browser is not None:
            found.tasks_ms = await _tasks(browser)
        await devtools.detach()


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    answer = await devtools.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in answer["metrics"]}


async def _tasks(browser: Browser) -> list[float]:
    events: list[dict[str, Any]] = json.loads(await browser.stop_tracing())["traceEvents"]
    main = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    found = [
        one["tdur"] / 1000
        for one in events
        if one["name"].endswith("RunTask") and "tdur" in one and (one["pid"], one["tid"]) in main
    ]
    return sorted(found, reverse=True)
