"""A newcomer with no key, no settings and no account: a real model answers on the page."""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from chatapp.domain.errors import NoModel
from chatapp.providers.weights import Weights
from tests.app_build import PROJECT, Build
from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.stored import kept
from tests.needs import require

#: The app's own folder: who has run the app, or the provider's tests, has fetched them already.
WEIGHTS: Final = PROJECT / "data" / "models"
#: A small machine that is busy with other tests.
ANSWER_S: Final = 120


@pytest_asyncio.fixture(loop_scope="session")
async def newcomer_app(app_build: Build, tmp_path: Path) -> AsyncGenerator[AppServer]:
    """The app as it is without a single setting, on a machine that has fetched the weights once."""
    require("linux")
    pytest.importorskip("xllamacpp", reason="needs xllamacpp: pip install -r requirements.txt")
    try:
        weights = await Weights(folder=WEIGHTS).ready(lambda message, progress: None)
    except NoModel as error:
        pytest.skip(f"needs the local model's weights: {error.message}")
    server = AppServer(app_build, data_dir=tmp_path / "data", env={"LOCAL_MODEL": "auto"})
    (server.data_dir / "models").mkdir(parents=True)
    (server.data_dir / "models" / weights.name).symlink_to(weights)
    try:
        yield await asyncio.to_thread(server.start)
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.timeout(900)
async def test_a_newcomer_is_answered_by_a_real_model(newcomer_app: AppServer, come: Come) -> None:
    """Sent at once, before the model is loaded: it streams, goes on after a reload, and stops when told."""
    screen = await (await come(newcomer_app.url)).opens()
    await screen.sends("Tell me a long story about a whale and a small boat.")
    await expect(screen.page.get_by_role("combobox", name="Model")).to_contain_text("SmolLM2")
    await screen.reply_is("streaming", within=ANSWER_S)
    await expect(screen.reply).to_contain_text(re.compile(r"(\w+\W+){10}"), timeout=ANSWER_S * 1000)
    await screen.page.reload()
    await expect(screen.reply).to_contain_text(re.compile(r"(\w+\W+){40}"), timeout=ANSWER_S * 1000)
    # It has no sense of an end: a small model may tell for minutes.
    await screen.button("Stop").click()
    await screen.reply_is("stopped", within=5)
    said, reply = kept(newcomer_app.data_dir, screen.conversation_id)
    assert (said.status, reply.status) == ("complete", "stopped")
    assert await screen.copied() == reply.text
