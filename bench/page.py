"""`python -m bench.page`: what a streaming reply costs the browser, in Chromium on the real app.

Each kind of reply streams once; its figures are of the page's main thread, in processor time. Compare only
what was measured in one sitting.
"""

import argparse
import asyncio
from collections.abc import Mapping
from typing import Final

from tests.e2e.effort import Effort, effort
from tests.e2e.scenes import TECHNICAL
from tests.e2e.stage import Stage, stage
from tests.e2e.visitor import Visitor

RATE: Final = 100
#: How long each key takes until the page shows it, in ms: the browser counts it in steps of 8.
WATCH_KEYS: Final = """() => { window.keys = []; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (one.name === "keydown") window.keys.push(one.duration)
}).observe({ type: "event", durationThreshold: 16 }) }"""


def texts(tokens: int) -> Mapping[str, tuple[str, int]]:
    """Each kind of reply, and its characters in a token."""
    technical = TECHNICAL.replace("```mermaid", "```text") + "\n\n"
    row = "| {} | some words of a cell | 12.5 |\n"
    table = "| Number | Words | Price |\n|---|---|---:|\n" + "".join(row.format(n) for n in range(10_000))
    code = "".join(f"def function_{n}(x: int) -> str:\n    return str(x + {n})\n\n\n" for n in range(1_800))
    return {
        "technical": ((technical * (tokens * 4 // len(technical) + 1))[: tokens * 4], 4),
        "long paragraph": ("word and another " * 6_000, 100),
        "long code": (f"```python\n{code}```\n", 100),
        "long table": (table, 300),
    }


async def measure(kinds: list[str], tokens: int) -> None:
    """Prints a line for each kind."""
    async with stage() as on:
        for kind, (text, size) in texts(tokens).items():
            if kind in kinds or not kinds:
                pieces = [text[at : at + size] for at in range(0, len(text), size)]
                await _measure(on, kind, pieces)


async def _measure(on: Stage, kind: str, pieces: list[str]) -> None:
    visitor = await Visitor.came(on.browser, on.server.url)
    screen = await visitor.opens()
    # The highlighter and its languages are loaded before.
    await screen.asks(on.say(TECHNICAL, r=1000))
    await screen.page.evaluate(WATCH_KEYS)
    await screen.composer.focus()
    thirds = [Effort(), Effort(), Effort()]
    await screen.sends(on.say(*pieces, r=RATE))
    for number in range(3):
        async with effort(screen.page, tasks=True) as thirds[number]:
            for _ in range(len(pieces) // RATE // 3):
                await screen.page.keyboard.press("x")
                await asyncio.sleep(1)
    await screen.reply_is("complete", within=120)
    keys = sorted(await screen.page.evaluate("window.keys"))
    shares = " ".join(f"{one.share:5.0%}" for one in thirds)
    parts = " ".join(
        f"{name} {sum(getattr(one, name + '_s') for one in thirds) / sum(one.seconds for one in thirds):.0%}"
        for name in ("script", "layout", "style")
    )
    longest = " ".join(f"{one.longest_ms:5.0f}" for one in thirds)
    print(
        f"{kind:15} busy by thirds {shares}  ({parts})  longest task {longest} ms"
        f"  slowest key {keys[-1] if keys else 0:.0f} ms",
        flush=True,
    )
    async with effort(screen.page, tasks=True) as again:
        # Nothing is expected meanwhile: Playwright would read all of the page each time that it looks.
        await screen.page.reload(wait_until="commit")
        await asyncio.sleep(5)
    print(f"{'':15} opened again: {again.busy_s:.1f} s, longest task {again.longest_ms:.0f} ms", flush=True)
    await visitor.context.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("kinds", nargs="*", help="technical, 'long code', 'long table', 'long paragraph'")
    parser.add_argument("--tokens", type=int, default=4_000, help="of the technical reply")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.kinds, arguments.tokens))
