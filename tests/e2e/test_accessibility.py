"""axe finds nothing to complain of, on any of the six screens."""

import json
import re
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.saying import Say
from tests.e2e.scenes import SCENES, opened
from tests.e2e.screen import Screen

WIDE: Final = {"width": 1280, "height": 800}
NARROW: Final = {"width": 390, "height": 844}
#: Contrast is measured while nothing fades in or out.
CALM: Final = {"reduced_motion": "reduce"}
#: What was under way when the page became calm comes to its end; what turns for ever is left alone.
COMES_TO_REST: Final = """() => {
  const fades = document.getAnimations()
    .filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime)).map((one) => one.finished);
  const patience = new Promise((done) => setTimeout(done, 3000));
  return Promise.race([Promise.allSettled(fades), patience]).then(() => null);
}"""


async def complaints(screen: Screen) -> list[str]:
    """What axe says against the page as it is now, a line each. The page is calm from then on."""
    await screen.page.emulate_media(reduced_motion="reduce")
    await screen.page.evaluate(COMES_TO_REST)
    found = await Axe().run(screen.page)
    return [
        f"{one['id']}: {one['help']}: {json.dumps([node['html'][:160] for node in one['nodes'][:4]])}"
        for one in found.response["violations"]
    ]


@pytest.mark.parametrize("scene", SCENES)
async def test_axe_is_content(come: Come, server: AppServer, say: Say, scene: str) -> None:
    """Light and dark, on a desk and on a phone."""
    visitor = await come(server.url, color_scheme="light", viewport=WIDE, **CALM)
    visitor.was_cut = scene == "offline"
    screen = await opened(visitor, scene, say, server)
    found: list[str] = []
    for size in (WIDE, NARROW):
        await screen.page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            await screen.page.emulate_media(color_scheme=scheme)
            await expect(screen.page.locator("html")).to_have_class(re.compile(rf"\b{scheme}\b"))
            found += [f"{size['width']} px, {scheme}: {one}" for one in await complaints(screen)]
    assert found == []
