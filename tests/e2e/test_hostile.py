"""What people paste and models write by mistake: the page stays alive, and shows it as well as it can."""

from collections.abc import Mapping
from typing import Final

from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.effort import effort
from tests.e2e.saying import Say
from tests.e2e.seeding import lengthen
from tests.e2e.test_markdown import is_unhurt
from tests.e2e.visitor import Visitor

ROW: Final = "| " + " | ".join(f"cell {number}" for number in range(100)) + " |\n"
#: Each ends in words that are looked for.
TEXTS: Final[Mapping[str, str]] = {
    "a wide table": ROW + "|---" * 100 + "|\n" + ROW * 20,
    "nothing but nesting": "> " * 2_000 + "\n\n" + "- " * 500 + "\n\n" + "[" * 2_000 + "]" * 2_000,
    "lists in lists": "".join("  " * depth + "- item\n" for depth in range(100)),
    "emphasis without end": "*a _b ~~c " * 2_000,
    "a broken formula": r"$$\frac{1}{ \begin{x}$$ and $\def\a{\a\a}\a$",
    "a broken diagram": "```mermaid\nflowchart LR\n  A --> ((\n```",
    "a line without end": "x" * 100_000,
    "marks upon marks": ("z" + "\u0335\u0321\u0300" * 20) * 300
    + "\u202e turned \u202c"
    + "\u0627\u0644" * 300,
    "tags": "<div><script>window.hurt=1</script><img src=x onerror=hurt=1>" * 200,
    "code that never ends": "```python\n" + "x = 1\n" * 2_000,
    "a formula that never ends": "$$\n" + "x^2 + \\frac{1}{2}\n" * 200,
    "a diagram that never ends": "```mermaid\nflowchart LR\n" + "A --> B\n" * 200,
}


async def test_nothing_freezes_the_page(visitor: Visitor, say: Say, server: AppServer) -> None:
    """As it streams, at the end of two thousand messages, and when it is all opened again."""
    screen = await visitor.opens()
    await screen.asks("Begin [n:3]")
    await lengthen(server, screen.conversation_id, 2_000)
    await screen.page.reload()
    await screen.is_online()
    for name, text in TEXTS.items():
        whole = f"This is {name}:\n\n{text}"
        async with effort(screen.page) as spent:
            await screen.asks(say(*(whole[at : at + 2_000] for at in range(0, len(whole), 2_000)), r=100))
            await expect(screen.reply).to_contain_text(f"This is {name}:")
        assert spent.busy_s < 6, name
        await screen.writes("One can still write")
        await expect(screen.composer).to_have_value("One can still write")
    await is_unhurt(screen)
    await screen.page.reload()
    await expect(screen.reply).to_contain_text("This is a diagram that never ends:")
    await screen.writes("And now too")
    assert await screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await is_unhurt(screen)
