"""Formulas, diagrams, thoughts and what is said aloud of a reply; and what drawing it costs."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import pytest
from playwright.async_api import expect

from tests.e2e.effort import effort
from tests.e2e.saying import Say
from tests.e2e.scenes import TECHNICAL
from tests.e2e.screen import Screen
from tests.e2e.test_markdown import CLIPBOARD, is_unhurt
from tests.e2e.visitor import Visitor

FORMULAS: Final = r"""It costs $5 and $10, or $2-$3. Then $a_1 + b$ and \(c^2\), not `$x$` or \$y$.

$$\frac{1}{2}$$

\[ \sqrt{3} \]

$$
\begin{aligned} x &= 1 \\ y &= 2 \end{aligned}
$$
"""
DIAGRAMS: Final = """```mermaid
flowchart LR
  A[Begin] --> B{Really?} --> C[Then go on] --> D[And on] --> E[And still on] --> F[And on again] --> G[End]
```

```mermaid
graph TD; ( broken
```
"""
HOSTILE: Final = r"""Before
$$\href{javascript:window.hurt=1}{x} \url{javascript:alert(1)} \includegraphics{http://elsewhere.invalid/x.png}$$
$\htmlData{onload=alert(1)}{x}$ \(\class{x}{y}<img src=x onerror=alert(1)>\) $\def\x{\x\x}\x$

```mermaid
flowchart LR
  A["<script>alert(1)</script><b>x</b>"] --> B["<script>window.hurt=1</script>"]
  click A "javascript:window.hurt=1" "tip"
  click B call alert("hurt")
```

```mermaid
%%{init: {"securityLevel": "loose", "themeCSS": "* { background: url(http://elsewhere.invalid/css) }"}}%%
flowchart LR
  A --> B
```

```mermaid
flowchart LR
  A@{ img: "http://elsewhere.invalid/leak.png", label: "x" } --> B
```

```mermaid
flowchart LR
  A["<a href='javascript:alert(1)'>label</a>"] -->|"<img src=x onerror=alert(1)>"| B
  style A fill:url(http://elsewhere.invalid/fill)
```

End of it.
"""
#: Notes what is put into the polite region, as a screen reader would.
LISTEN: Final = """() => { window.heard = [];
  window.listening?.disconnect();
  const region = document.querySelector("[aria-live=polite][aria-atomic=true]");
  window.listening = new MutationObserver(() => window.heard.push(region.textContent));
  window.listening.observe(region, { subtree: true, childList: true, characterData: true }) }"""

#: What one begins to feel. Of processor time.
LONG_TASK_MS: Final = 100
#: All of a reply, and its code in colours.
DRAWN: Final = """() => document.querySelectorAll("tbody tr").length === 3000
  && document.querySelectorAll(".line").length > 2990"""
AT_ITS_TOP: Final = """() => {
  const place = document.querySelector("article[data-role=assistant]").getBoundingClientRect();
  return place.top >= 0 && place.top < 200;
}"""
#: Holds the next picture until the page is being left.
LEAVE: Final = """() => {
  const own = XMLSerializer.prototype.serializeToString;
  XMLSerializer.prototype.serializeToString = function (node) {
    XMLSerializer.prototype.serializeToString = own;
    leave();
    for (const until = performance.now() + 500; performance.now() < until;);
    return own.call(this, node);
  };
}"""


def pieces(text: str, size: int = 4) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


async def test_formulas_and_diagrams(visitor: Visitor, say: Say) -> None:
    """Drawn with what the page itself has; amounts are no formulas, and a broken diagram is its source."""
    screen = await visitor.opens()
    await screen.asks(say(*pieces(FORMULAS + DIAGRAMS), r=300))
    await expect(screen.reply.locator(".katex")).to_have_count(5)
    await expect(screen.reply.locator(".katex-display")).to_have_count(3)
    await expect(screen.reply.locator("p").first).to_contain_text("It costs $5 and $10, or $2-$3. Then ")
    await expect(screen.reply.locator("p").first).to_contain_text("not $x$ or $y$.")
    font = "document.fonts.ready.then(() => document.fonts.check('16px KaTeX_Main'))"
    assert await screen.page.evaluate(font)
    image = screen.reply.get_by_role("group", name="Diagram").get_by_role("img")
    await expect(image).to_have_count(1)
    light = await image.get_attribute("src")
    await expect(screen.reply.locator("pre")).to_have_text("graph TD; ( broken")
    await screen.button("Toggle theme").click()
    await expect(image).not_to_have_attribute("src", light or "")


async def test_a_diagram_is_whole(visitor: Visitor, say: Say) -> None:
    """All that is drawn is in the picture, in the middle, also with reduced motion; on a phone it scrolls."""
    screen = await visitor.opens()
    await screen.asks(say(DIAGRAMS))
    frame = screen.reply.get_by_role("group", name="Diagram")
    image = frame.get_by_role("img")
    source = await image.get_attribute("src") or ""
    await screen.page.emulate_media(reduced_motion="reduce")
    await screen.page.reload()
    frame_of = re.search("viewBox%3D%22(.+?)%22", source)
    assert frame_of
    await expect(image).to_have_attribute("src", re.compile(re.escape(frame_of[0])))
    box = [float(one) for one in unquote(frame_of[1]).split()]
    nodes = re.findall(r'class="node[^>]*translate\((.+?), (.+?)\)', unquote(source))
    assert len(nodes) == 7
    assert all(box[0] < float(x) < box[0] + box[2] for x, _ in nodes)
    assert all(box[1] < float(y) < box[1] + box[3] for _, y in nodes)
    await screen.page.set_viewport_size({"width": 390, "height": 844})
    await expect(image).to_be_visible()
    assert await frame.evaluate("frame => frame.scrollWidth > frame.clientWidth")
    assert await screen.page.evaluate("document.documentElement.scrollWidth") == 390


async def test_a_page_can_be_left_as_a_diagram_appears(visitor: Visitor, say: Say) -> None:
    """The page's policy has nothing to do then either."""
    left: list[asyncio.Task[Any]] = []

    def leave(source: Mapping[str, Any]) -> None:
        left.append(asyncio.create_task(source["page"].reload()))

    await visitor.context.expose_binding("leave", leave)
    screen = await visitor.opens()
    await screen.page.evaluate(LEAVE)
    await screen.asks(say(DIAGRAMS))
    image = screen.reply.get_by_role("group", name="Diagram").get_by_role("img")
    await expect(image).to_have_count(1)
    assert len(left) == 1
    await left[0]
    await expect(image).to_have_count(1)


async def test_nothing_in_a_formula_or_a_diagram_comes_alive(visitor: Visitor, say: Say) -> None:
    """Whole or token by token: nothing runs, nothing is fetched, and the page's policy has nothing to do."""
    screen = await visitor.opens()
    for size in (5, len(HOSTILE)):
        await screen.asks(say(*pieces(HOSTILE, size), r=400))
        await expect(screen.reply).to_contain_text("End of it.")
        await expect(screen.reply.locator(".katex").first).to_be_attached()
        await expect(screen.reply.get_by_role("group", name="Diagram")).to_have_count(1)
        await is_unhurt(screen)
        assert await screen.reply.locator("svg a, a[href^=javascript], [data-onload]").count() == 0
    await is_unhurt(screen)


async def test_long_code_is_one_block_and_reached_by_keyboard(visitor: Visitor, say: Say) -> None:
    """In parts for speed: on the clipboard it is whole, and no mouse is needed to scroll it."""
    code = "\n".join(f"value_{number} = {number} * 'some words'  # and a comment" for number in range(300))
    screen = await visitor.opens()
    await screen.asks(say(*pieces(f"Here:\n\n```python\n{code}\n```\n\nThat is all.\n", 40)))
    await expect(screen.reply.locator("pre").last).to_contain_text("value_299")
    assert await screen.reply.locator("pre").count() > 2
    copy = screen.reply.get_by_role("button", name=re.compile("copy code", re.IGNORECASE))
    await expect(copy).to_have_count(1)
    await screen.page.bring_to_front()
    await copy.click()
    await screen.page.wait_for_function(CLIPBOARD, arg=code)
    await screen.page.keyboard.press("Tab")
    await expect(screen.reply.get_by_role("group", name="Code, python").first).to_be_focused()


async def test_thoughts_fold_away_and_say_how_long(visitor: Visitor) -> None:
    """It ticks while the model thinks; what was opened stays open, and says afterwards how long it took."""
    screen = await visitor.opens()
    await screen.sends("Think [n:20 r:15 reason:45]")
    summary = screen.reply.locator("summary")
    await expect(summary).to_have_text(re.compile(r"Thinking… [2-9] s"))
    await summary.click()
    thoughts = screen.reply.locator("details")
    await expect(thoughts).to_have_attribute("open", "")
    await expect(summary).to_have_text(re.compile(r"Thought for \d+ s"))
    await screen.reply_is("complete")
    await expect(thoughts).to_have_attribute("open", "")
    said = await summary.text_content()
    await screen.page.reload()
    await expect(summary).to_have_text(said or "")


#: All that is kept from sight until it is drawn, at each frame from now on.
WATCH: Final = """() => {
  window.hidden = 0;
  const look = () => {
    window.hidden += document.querySelectorAll("[role=log] .awaited").length;
    requestAnimationFrame(look);
  };
  look();
}"""


async def test_an_answer_that_comes_at_once_is_seen_at_once(visitor: Visitor, say: Say) -> None:
    """Whole before the browser has drawn anything: the page is not empty meanwhile."""
    screen = await visitor.opens()
    devtools = await screen.page.context.new_cdp_session(screen.page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    await screen.page.evaluate(WATCH)
    for _ in range(3):
        await screen.asks(say("Some **words**.", r=1000))
        await expect(screen.reply.locator("[data-streamdown=strong]")).to_be_visible()
        await screen.starts_anew()
    assert await screen.page.evaluate("hidden") == 0


async def test_a_reply_is_heard_by_sentences(visitor: Visitor, say: Say) -> None:
    """Each once, without marks and code, no more often than can be listened to; and that it is complete.

    A browser that stands still for a quarter of a second loses one, by design: then once more.
    """
    screen = await visitor.opens()
    code, table = "```python\nx = 1. # no\n```", "| a |\n|---|\n| 1 |"
    text = f"First **sentence**. Second one.\n\n{code}\n\n{table}\n\nThe last one."
    whole = ("First sentence.", "Second one.", "Table.", "The last one.", "Reply complete.")
    for _ in range(4):
        await screen.page.evaluate(LISTEN)
        await screen.asks(say(*pieces(text), r=15))
        await screen.page.wait_for_function("heard.at(-1)?.endsWith('Reply complete.')")
        heard = await screen.page.evaluate("heard")
        # All, in order; what comes right before the end may be said twice.
        places = [" ".join(heard).rfind(one) for one in whole]
        if -1 not in places:
            break
    assert -1 not in places
    assert places == sorted(places)
    assert len(heard) >= 2


@pytest.mark.alone
async def test_a_long_reply_costs_no_more_at_its_end(visitor: Visitor, say: Say) -> None:
    """Of 4,000 tokens: the main thread stays free, also when much is there, and no task holds up typing.

    They come three times as fast as models write, in fewer pieces, so as not to take so long. By
    processor time: a task lasts longer on a machine that does more, but does not need more.
    """
    screen = await visitor.opens()
    await screen.asks(say(TECHNICAL))
    await expect(screen.reply.get_by_role("group", name="Diagram")).to_be_visible()
    text = (TECHNICAL.replace("```mermaid", "```text") + "\n\n") * 18
    await screen.sends(say(*pieces(text, 12), r=100))
    await screen.reply_is("streaming")
    thirds = []
    for share in (0.3, 0.6, 0.9):
        async with effort(screen.page, tasks=True) as one:
            await _has_grown(screen, int(len(text) * share))
        thirds.append(one)
    # On the slowest machine on which that was tried: 0.49 of a core, which is 0.16 at the speed of models.
    assert sum(one.busy_s for one in thirds) / sum(one.seconds for one in thirds) < 0.6
    assert max(one.longest_ms for one in thirds) < LONG_TASK_MS
    assert thirds[2].share < 2 * thirds[0].share + 0.1
    await screen.reply_is("complete")


@pytest.mark.alone
async def test_what_is_long_is_opened_in_small_steps(visitor: Visitor, say: Say) -> None:
    """Much code below a long table; leaving the page costs little, too. One can go to its beginning."""
    rows = "".join(f"| {number} | some words of a cell | 12.5 |\n" for number in range(3_000))
    code = "".join(f"def function_{number}(x: int) -> str:\n    return str(x)\n\n" for number in range(1_000))
    text = f"| Number | Words | Price |\n|---|---|---:|\n{rows}\n```python\n{code}```\n"
    screen = await visitor.opens()
    await screen.asks(say(*pieces(text, 2_000), r=100))
    longest_ms = list[float]()
    # A processor whose other half does something else counts up to three times as much for the same.
    while len(longest_ms) < 3 and not any(one < LONG_TASK_MS for one in longest_ms):
        # Nothing is expected meanwhile: Playwright would read all of the page each time that it looks.
        async with effort(screen.page, tasks=True) as opening:
            await screen.page.reload(wait_until="commit")
            await screen.page.wait_for_function(DRAWN, polling=500)
        longest_ms.append(opening.longest_ms)
    assert min(longest_ms) < LONG_TASK_MS
    found = await screen.reply.get_attribute("data-message-id")
    await screen.page.goto(f"/c/{screen.conversation_id}?m={found}")
    await screen.page.wait_for_function(DRAWN, polling=500)
    await screen.page.wait_for_function(AT_ITS_TOP)


async def _has_grown(screen: Screen, chars: int) -> None:
    """Wait until about so much of the reply is there; formulas and diagrams are shorter than their source."""
    await screen.page.wait_for_function(
        "(chars) => [...document.querySelectorAll('article[data-role=assistant]')].at(-1)"
        ".querySelector('.words')?.textContent.length > chars",
        arg=chars * 3 // 4,
        polling=200,
    )
