"""The pictures in the README and the docs: `python -m tests.e2e.screenshots` draws them anew.

Each of the six scenes, light and dark, at 1280 and at 390 px, into `docs/screenshots/`.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, async_playwright

from tests.app_build import PROJECT, build_app
from tests.app_server import AppServer, servers
from tests.e2e.fixtures import CHROMIUM, SETTINGS
from tests.e2e.saying import Say, sayer
from tests.e2e.scenes import SCENES, opened
from tests.e2e.visitor import Visitor
from tests.needs import chromium_path
from tests.upstream import Upstream

FOLDER: Final = PROJECT / "docs" / "screenshots"
SIZES: Final = {"wide": {"width": 1280, "height": 960}, "phone": {"width": 390, "height": 844}}


async def draw(scenes: Sequence[str], folder: Path) -> None:
    """Takes the pictures of these scenes."""
    with tempfile.TemporaryDirectory() as scratch:
        build = await asyncio.to_thread(build_app, Path(scratch) / "build")
        async with Upstream() as upstream, async_playwright() as playwright:
            with servers(build, Path(scratch)) as start:
                server = await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url, **SETTINGS)
                browser = await playwright.chromium.launch(
                    executable_path=chromium_path(), args=list(CHROMIUM)
                )
                for scene in scenes:
                    await _scene(browser, server, sayer(upstream), scene, folder)
                await browser.close()


async def _scene(browser: Browser, server: AppServer, say: Say, scene: str, folder: Path) -> None:
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            visitor = await Visitor.came(
                browser, server.url, viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
            )
            screen = await opened(visitor, scene, say, server)
            await screen.page.screenshot(path=folder / f"{scene}-{size}-{scheme}.png")
            await visitor.context.close()
            print(f"{scene} {size} {scheme}")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(sys.argv[1:] or list(SCENES), FOLDER))
