"""axe finds nothing to complain of, on any of the six screens, and where one logs in."""

import json
import re
from typing import Final

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.entrance import ENTRY_MS, Entrance, opens_user_menu
from tests.e2e.fixtures import Come
from tests.e2e.saying import Say
from tests.e2e.scenes import SCENES, opened
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor

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


async def log_out_elsewhere(visitor: Visitor, server: AppServer) -> None:
    """As a program does that has the same cookie; the browser keeps its own."""
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in await visitor.context.cookies())
    async with httpx.AsyncClient() as client:
        headers = {"Origin": server.url, "Cookie": cookies}
        assert (await client.post(f"{server.url}/api/logout", headers=headers)).status_code == 204


async def everywhere(screen: Screen) -> list[str]:
    """The same, light and dark, on a desk and on a phone."""
    found: list[str] = []
    for size in (WIDE, NARROW):
        await screen.page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            await screen.page.emulate_media(color_scheme=scheme)
            await expect(screen.page.locator("html")).to_have_class(re.compile(rf"\b{scheme}\b"))
            found += [f"{size['width']} px, {scheme}: {one}" for one in await complaints(screen)]
    await screen.page.set_viewport_size(WIDE)
    return found


@pytest.mark.parametrize("scene", SCENES)
async def test_axe_is_content(come: Come, server: AppServer, say: Say, scene: str) -> None:
    """On each of the six."""
    visitor = await come(server.url, color_scheme="light", viewport=WIDE, **CALM)
    visitor.was_cut = scene == "offline"
    screen = await opened(visitor, scene, say, server)
    assert await everywhere(screen) == []


async def test_axe_is_content_where_one_logs_in(come: Come, server: AppServer) -> None:
    """The log-in page, also with an error, the form of a new account, the user menu, the settings, and what
    is shown when a login has ended."""
    visitor = await come(server.url, color_scheme="light", viewport=WIDE, **CALM)
    screen = await visitor.tab()
    await screen.page.goto("/login", wait_until="commit")
    entrance, found = Entrance(screen), list[str]()
    await entrance.is_shown()
    found += await everywhere(screen)
    await entrance.tries("nobody@example.org")
    await expect(entrance.problem).to_be_visible(timeout=ENTRY_MS)
    found += await everywhere(screen)
    await screen.button("Create account").click()
    await expect(screen.page.get_by_label("Name")).to_be_visible()
    found += await everywhere(screen)
    await entrance.registers("eve@example.org", name="Eve")
    await opens_user_menu(screen)
    found += await everywhere(screen)
    await screen.page.goto("/settings")
    await screen.page.get_by_text("Delete this account").click()
    await expect(screen.page.get_by_label("Your password")).to_be_visible()
    found += await everywhere(screen)
    await screen.page.goto("/")
    await screen.is_online()
    await log_out_elsewhere(visitor, server)
    await expect(screen.page.get_by_text("You are signed out")).to_be_visible()
    found += await everywhere(screen)
    assert found == []
