"""A reply's markdown is drawn as it grows, and nothing in it is trusted."""

import re

from playwright.async_api import Route, expect

from tests.app_server import AppServer
from tests.e2e.saying import Say
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor

TABLE = "| Plan | Price |\n|---|---:|\n| Basic | $19 |\n| Premium | $39 |\n"
CODE = "Look:\n\n```python\ndef answer() -> int:\n    return 42\n```\n\nThat is all.\n"
LINKS = (
    "[good](https://example.com/page) [bad](javascript:window.hurt=1) "
    "[data](data:text/html,<script>hurt=1</script>) [vb](vbscript:hurt) [tab](java\tscript:hurt=1) "
    "[own](/c/x) <https://example.com/auto>\n"
)
IMAGE = (
    "![secret](http://elsewhere.invalid/leak.png?q=all) and ![data](data:image/svg+xml,<svg onload=hurt=1>)\n"
)
HOSTILE = (
    'Before <script>window.hurt=1;alert(1)</script> <img src=x onerror="window.hurt=1;alert(1)"> '
    "<svg/onload=alert(1)> <iframe srcdoc='<script>parent.hurt=1</script>'></iframe> "
    '<a href="javascript:alert(1)">link</a> <style>*{display:none}</style> <form action=http://elsewhere.invalid>'
    "<input name=q></form> <meta http-equiv=refresh content='0;url=http://elsewhere.invalid'> After\n\n"
    "<details open ontoggle=alert(1)><summary>x</summary></details>\n\n"
    "```html\n<script>alert(1)</script>\n```\n\n"
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| <script>alert(1)</script> | d |\n\n"
    "$$\\href{javascript:alert(1)}{x}$$\n\nEnd of it."
)
#: What must never come out of a reply.
ALIVE = "script, iframe, style, form, input, meta, object, embed, [onerror], [onload], [ontoggle], [srcdoc]"

#: Asked of the page each time: the code is drawn anew once its colours are there.
COLOURS = """() => new Set([...document.querySelectorAll("article pre code span")].map(
  span => getComputedStyle(span).color)).size >= 3"""
CLIPBOARD = "async wanted => (await navigator.clipboard.readText()).trimEnd() === wanted"


async def is_unhurt(screen: Screen) -> None:
    """Fail if anything in the reply became alive."""
    assert await screen.page.evaluate("window.hurt === undefined")
    alive = (
        "script, iframe, style, form, input, meta, object, embed, [onerror], [onload], [ontoggle], [srcdoc]"
    )
    assert await screen.log.locator(alive).count() == 0
    addresses = await screen.log.locator("[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert [one for one in addresses if not re.match(r"^(https?|mailto):", one)] == []


async def test_a_reply_can_be_read_before_it_can_be_drawn(
    visitor: Visitor, server: AppServer, say: Say
) -> None:
    """Whatever draws it cannot be fetched: its text is there as it is. It is drawn as soon as it can be."""
    visitor.was_cut = True
    at_once = server.get("/").body.decode()
    blocked: list[str] = []

    async def later(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name in at_once:
            await route.continue_()
        else:
            blocked.append(name)
            await route.abort()

    await visitor.context.route("**/assets/*.js", later)
    screen = await visitor.opens()
    await screen.asks(say("Some **bold words**.\n\n", CODE))
    await expect(screen.reply).to_contain_text("**bold words**")
    assert blocked
    await visitor.context.unroute_all()
    await expect(screen.reply.locator("[data-streamdown=strong]")).to_have_text("bold words")
    await expect(screen.reply.locator("pre")).to_contain_text("return 42")


async def test_a_table_is_a_table(visitor: Visitor, say: Say) -> None:
    """Rows and cells, for the eye and for a screen reader."""
    screen = await visitor.opens()
    await screen.asks(say(TABLE))
    await expect(screen.reply.get_by_role("columnheader")).to_have_text(["Plan", "Price"])
    await expect(screen.reply.get_by_role("cell")).to_have_text(["Basic", "$19", "Premium", "$39"])


async def test_code_is_highlighted_and_copied_as_it_is(visitor: Visitor, say: Say) -> None:
    """Several colours on the screen; on the clipboard the code alone, to the byte."""
    screen = await visitor.opens()
    await screen.asks(say(CODE))
    code = screen.reply.locator("pre code")
    await expect(code).to_contain_text("return 42")
    await screen.page.wait_for_function(COLOURS, timeout=30_000)
    await screen.page.bring_to_front()
    await screen.reply.locator("[data-streamdown=code-block], pre").first.hover()
    copy = screen.reply.get_by_role("button", name=re.compile("copy", re.IGNORECASE))
    await copy.first.click()
    await screen.page.wait_for_function(CLIPBOARD, arg="def answer() -> int:\n    return 42")


async def test_unfinished_markdown_is_drawn_as_if_finished(visitor: Visitor, say: Say) -> None:
    """In mid-stream no asterisks, fences or half links stand about."""
    screen = await visitor.opens()
    await screen.sends(say("Some **bold words", " and more**", "\n\n```python\nx = 1", "\n```\n", n=4, r=0.8))
    await expect(screen.reply.locator("strong, [data-streamdown=strong]")).to_have_text("bold words")
    assert "**" not in await screen.reply.inner_text()
    await expect(screen.reply.locator("pre")).to_contain_text("x = 1")
    assert "```" not in await screen.reply.inner_text()
    await screen.reply_is("complete")


async def test_links_are_safe(visitor: Visitor, say: Say) -> None:
    """Web links open apart and cannot reach back; anything else is no link."""
    screen = await visitor.opens()
    await screen.asks(say(LINKS))
    links = screen.reply.get_by_role("link")
    await expect(links.first).to_have_attribute("href", "https://example.com/page")
    for link in await links.all():
        assert re.match(r"^https://example\.com/", await link.get_attribute("href") or "")
        assert await link.get_attribute("target") == "_blank"
        assert "noopener" in (await link.get_attribute("rel") or "")
    assert await links.count() == 2
    await is_unhurt(screen)


async def test_no_image_is_loaded_until_it_is_asked_for(visitor: Visitor, say: Say) -> None:
    """An image's address can carry a conversation away, so only a click goes there."""
    screen = await visitor.opens()
    await screen.asks(say(IMAGE))
    await expect(screen.reply).to_contain_text("elsewhere.invalid")
    assert await screen.reply.locator("img").count() == 0
    assert [one for one in visitor.seen.addresses if "elsewhere" in one] == []
    await is_unhurt(screen)


async def test_html_in_a_reply_is_text(visitor: Visitor, say: Say) -> None:
    """Whole, or split over tokens anywhere: it is shown as it was written, and nothing runs."""
    screen = await visitor.opens()
    for size in (1, 3, 7, len(HOSTILE)):
        await screen.asks(say(*(HOSTILE[at : at + size] for at in range(0, len(HOSTILE), size)), r=400))
        await expect(screen.reply).to_contain_text("End of it.")
        await expect(screen.reply).to_contain_text("<iframe srcdoc=")
        await is_unhurt(screen)
        assert await screen.copied() == HOSTILE
    await screen.page.reload()
    await expect(screen.reply).to_contain_text("End of it.")
    await is_unhurt(screen)


async def test_what_a_person_writes_is_literal(visitor: Visitor) -> None:
    """No markdown, no HTML, every line break kept, also after a reload."""
    words = "**not bold** <b>no html</b>\n  # no title\n\n<script>hurt=1;alert(1)</script> &amp; `x` [n:3]"
    screen = await visitor.opens()
    await screen.asks(words)
    for _ in range(2):
        assert words in await screen.said.inner_text()
        assert await screen.said.locator("b, strong, script, code, h1").count() == 0
        await screen.page.reload()
        await expect(screen.said).to_be_visible()
    await is_unhurt(screen)
