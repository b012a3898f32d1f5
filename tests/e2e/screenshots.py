"""The pictures in the README and the docs: `python -m tests.e2e.screenshots` draws them anew.

Each of the six scenes, light and dark, at 1280 and at 390 px, into `docs/screenshots/`.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.app_build import PROJECT
from tests.e2e.scenes import SCENES, opened
from tests.e2e.stage import Stage, stage
from tests.e2e.visitor import Visitor

FOLDER: Final = PROJECT / "docs" / "screenshots"
SIZES: Final = {"wide": {"width": 1280, "height": 960}, "phone": {"width": 390, "height": 844}}


async def draw(scenes: Sequence[str], folder: Path) -> None:
    """Takes the pictures of these scenes."""
    async with stage() as on:
        for scene in scenes:
            await _scene(on, scene, folder)


async def _scene(on: Stage, scene: str, folder: Path) -> None:
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            visitor = await Visitor.came(
                on.browser, on.server.url, viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
            )
            screen = await opened(visitor, scene, on.say, on.server)
            await screen.page.screenshot(path=folder / f"{scene}-{size}-{scheme}.png")
            await visitor.context.close()
            print(f"{scene} {size} {scheme}")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(sys.argv[1:] or list(SCENES), FOLDER))
