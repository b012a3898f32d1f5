"""What the page costs: the script that comes before one can write, and what moves when it is opened."""

import gzip
from typing import Final

from playwright.async_api import Response, expect

from tests.e2e.saying import Say
from tests.e2e.scenes import SHORT, TECHNICAL
from tests.e2e.visitor import Visitor

#: Compressed, as gzip does it at the level that servers use.
MAX_SCRIPT_BYTES: Final = 300_000
#: All that jumped, as browsers add it up; what they call good ends at 0.1.
SHIFTS: Final = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { sum += one.value }))
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => done(sum)));
})"""


async def test_little_is_loaded_before_one_can_write(visitor: Visitor) -> None:
    """What draws replies comes with the first key."""
    screen = await visitor.tab()
    scripts: list[Response] = []
    screen.page.on("response", lambda one: scripts.append(one) if ".js" in one.url else None)
    await screen.goes_to("/")
    before = list(scripts)
    sizes = [len(gzip.compress(await one.body(), 6)) for one in before]
    assert len(sizes) > 5
    assert sum(sizes) < MAX_SCRIPT_BYTES
    async with screen.page.expect_response("**/*.js"):
        await screen.composer.press("H")


async def test_what_is_opened_stands_still(visitor: Visitor, say: Say) -> None:
    """Formulas, code, tables and diagrams: nothing moves when they are drawn."""
    screen = await visitor.opens()
    for text in (SHORT * 9, TECHNICAL):
        await screen.asks(say(text))
    diagram = screen.page.locator("[data-streamdown=mermaid] img")
    await expect(diagram).to_be_visible()
    await screen.page.reload()
    await expect(screen.reply.locator("table")).to_be_visible()
    await expect(diagram).to_be_visible()
    assert await screen.page.evaluate(SHIFTS) < 0.1
