"""Pickers, themes and narrow screens."""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.app_build import Build
from tests.app_server import AppServer, servers
from tests.e2e.fixtures import Come
from tests.e2e.saying import Say
from tests.e2e.visitor import Visitor
from tests.upstream import Upstream

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
WIDE = "| " + " | ".join(f"a long heading {n}" for n in range(12)) + " |\n|" + "---|" * 12 + "\n"


def is_light(color: str) -> bool:
    """Of a colour as the browser writes it."""
    return sum(float(one) for one in re.findall(r"[\d.]+", color)[:3]) / 3 > 128


async def test_the_chosen_model_answers_and_stays_chosen(visitor: Visitor, upstream: Upstream) -> None:
    """The picker names the models of the server; a conversation keeps the one it used."""
    screen = await visitor.opens()
    picker = screen.page.get_by_role("combobox", name="Model")
    labels = await picker.get_by_role("option").all_inner_texts()
    assert [label for label in labels if "mock-400-30" in label] != []
    await picker.select_option(label=next(label for label in labels if "mock-400-30" in label))
    await expect(picker).to_have_value(re.compile("mock-400-30"))
    await screen.asks("Which one? [id:picked n:5]")
    asked = next(one for one in upstream.requests if one.knobs.id == "picked")
    assert asked.body["model"] == "mock-400-30"
    await screen.page.reload()
    await screen.is_online()
    await expect(picker).to_have_value(re.compile("mock-400-30"))


@pytest_asyncio.fixture(loop_scope="session")
async def bot(app_build: Build, tmp_path: Path) -> AsyncGenerator[AppServer]:
    """An app with neither key nor local model."""
    with servers(app_build, tmp_path) as start:
        yield await asyncio.to_thread(start, SCRIPTED_DELAY="0")


async def test_a_scripted_model_is_called_one(bot: AppServer, come: Come) -> None:
    """It answers where there is nothing else, and nobody takes it for a model."""
    screen = await (await come(bot.url)).opens()
    await expect(screen.page.get_by_role("combobox", name="Model")).to_contain_text("scripted demo")
    await expect(screen.page.get_by_text("no AI")).to_be_visible()
    await screen.asks("What are your prices?")
    await expect(screen.reply.get_by_role("cell", name="$39/month")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_theme_follows_the_system_until_it_is_toggled(
    come: Come, server: AppServer, scheme: str
) -> None:
    """A toggle turns it round, and a reload keeps that."""
    screen = await (await come(server.url, color_scheme=scheme)).opens()
    assert is_light(await screen.page.evaluate(BACKGROUND)) == (scheme == "light")
    await screen.button("Toggle theme").click()
    other = "dark" if scheme == "light" else "light"
    await expect(screen.page.locator("html")).to_have_class(re.compile(rf"\b{other}\b"))
    await screen.page.reload()
    await screen.is_online()
    assert is_light(await screen.page.evaluate(BACKGROUND)) == (other == "light")


async def test_a_phone_shows_all_without_scrolling_sideways(come: Come, server: AppServer, say: Say) -> None:
    """Wide tables, code and words stay within their own boxes."""
    phone = await come(server.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    screen = await phone.opens()
    wide = WIDE + "\n```python\n" + "x = 1; " * 60 + "\n```\n\n" + "long" * 80 + "\n\nThe end."
    await screen.asks(say(wide))
    await expect(screen.reply).to_contain_text("The end.")
    assert await screen.page.evaluate("document.documentElement.scrollWidth") == 390
    box = await screen.composer.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


async def test_the_list_is_a_drawer_on_a_phone(come: Come, server: AppServer) -> None:
    """Out of the way until it is asked for, and gone again after a choice."""
    phone = await come(server.url, viewport={"width": 390, "height": 844}, has_touch=True)
    screen = await phone.opens()
    await screen.asks("About tides [n:3]")
    await expect(screen.sidebar).to_be_hidden()
    opener = screen.button("Show the list")
    item = screen.sidebar.get_by_role("link", name="About tides")
    for leave in ("choose", "escape", "outside", "button"):
        await opener.focus()
        await opener.press("Enter")
        await expect(item).to_be_focused()
        if leave == "choose":
            await item.click()
        elif leave == "escape":
            await screen.page.keyboard.press("Escape")
        elif leave == "outside":
            # Where a button is: the tap closes the drawer and does nothing else.
            await screen.page.touchscreen.tap(370, 28)
        else:
            await screen.button("Close the list").click()
        await expect(screen.sidebar).to_be_hidden()
        if leave != "choose":
            await expect(opener).to_be_focused()
    await expect(screen.page.get_by_role("dialog", name="Appearance")).to_be_hidden()


async def test_the_view_follows_the_end_only_while_it_is_there(visitor: Visitor) -> None:
    """Whoever scrolls up to read stays there; one button leads back."""
    screen = await visitor.opens()
    await screen.asks("Long [n:2000 r:20000]")
    await expect(screen.button("Jump to latest")).to_have_count(0)
    await screen.sends("Longer [n:1500 r:300]")
    await screen.reply_shows(100)
    await screen.log.hover()
    await screen.page.mouse.wheel(0, -3000)
    await expect(screen.button("Jump to latest")).to_be_visible()
    place = await screen.log.evaluate("log => log.getBoundingClientRect().top")
    await screen.reply_shows(600)
    assert abs(await screen.log.evaluate("log => log.getBoundingClientRect().top") - place) < 2
    await screen.button("Jump to latest").click()
    await expect(screen.button("Jump to latest")).to_have_count(0)
    await screen.reply_is("complete")
    await expect(screen.reply.get_by_role("button", name="Copy", exact=True)).to_be_in_viewport()
