"""A model that fails in mid-reply is followed by the next one, and the page says so; what models can do."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from tests.app_build import Build
from tests.app_server import AppServer, servers
from tests.e2e.fixtures import SETTINGS, Come
from tests.upstream import Upstream, text

GEMINI = "gemini:gemini-2.5-mock"


@pytest_asyncio.fixture(loop_scope="session")
async def two_vendors(app_build: Build, upstream: Upstream, tmp_path: Path) -> AsyncGenerator[AppServer]:
    """An app that asks OpenAI first, and Gemini when that fails."""
    with servers(app_build, tmp_path) as start:
        yield await asyncio.to_thread(
            start,
            OPENAI_BASE_URL=upstream.base_url,
            GEMINI_BASE_URL=upstream.gemini_url,
            DEFAULT_MODEL="openai:mock",
            FALLBACK_MODELS=GEMINI,
            **SETTINGS,
        )


async def test_another_model_goes_on_and_the_page_says_so(two_vendors: AppServer, come: Come) -> None:
    """Token by token the reply is whole. Who went on after whom, from where and why, stays with it. What each
    model can do is said in words beside icons, and nothing of one of which nothing is known."""
    screen = await (await come(two_vendors.url)).opens()
    await screen.sends("Count [n:120 r:400 fault:error at:60 tries:1]")
    await screen.reply_is("complete")
    assert await screen.copied() == text(120)
    await screen.page.reload()
    await screen.is_online()
    seam = screen.reply.get_by_text("mock failed after")
    await expect(seam).to_contain_text("w59”; gemini-2.5-mock took over.")
    why = screen.reply.get_by_text("The engine is overloaded")
    await expect(why).to_be_hidden()
    await seam.click()
    await expect(why).to_be_visible()
    await screen.sends("Nothing at all [n:9 fault:401 tries:1]")
    await screen.reply_is("complete")
    await expect(screen.reply).to_contain_text("mock failed; gemini-2.5-mock took over.")
    await screen.sends("No one [n:40 r:400 fault:error at:10]")
    await screen.reply_is("failed")
    await expect(screen.reply).to_contain_text("No model could make this reply.")
    await expect(screen.reply.get_by_role("button", name="Continue")).to_be_visible()

    picker = screen.page.get_by_role("combobox", name="Model")
    abilities = screen.page.get_by_role("list", name="This model can use")
    await picker.select_option(value=GEMINI)
    await expect(abilities.get_by_role("listitem")).to_have_text(["reasoning", "tools", "vision"])
    option = picker.get_by_role("option", name="Gemini Mock")
    await expect(option).to_have_attribute("data-details", "reasoning · tools · vision · 32k context")
    await picker.select_option(value="openai:mock")
    await expect(abilities).to_have_count(0)
