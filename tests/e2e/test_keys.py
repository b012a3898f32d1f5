"""API keys on the page of settings: made, shown once, used, revoked."""

import httpx
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.test_accessibility import everywhere


def status(server: AppServer, key: str) -> int:
    """What a program gets that brings the key."""
    return httpx.get(f"{server.url}/api/export", headers={"Authorization": f"Bearer {key}"}).status_code


async def test_a_key_is_made_used_and_revoked(come: Come, server: AppServer) -> None:
    """A guest's: it is shown once and opens the API; its use is shown; revoking asks first."""
    screen = await (await come(server.url)).tab()
    page = screen.page
    await page.goto("/settings", wait_until="commit")
    name = page.get_by_label("What is it for?")
    await expect(name).to_be_visible(timeout=30_000)
    await name.fill("backup")
    await page.get_by_label("It ends").select_option(label="In 30 days")
    await name.press("Enter")
    shown = page.get_by_label("The new key")
    await expect(shown).to_be_visible(timeout=30_000)
    key = await shown.inner_text()
    line = page.get_by_role("list", name="Your API keys").get_by_role("listitem")
    await expect(line).to_contain_text("Never used · ends")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await everywhere(screen) == []
    assert status(server, key) == 200

    await page.reload(wait_until="commit")
    await expect(line).to_contain_text("Last used", timeout=30_000)
    await expect(shown).to_have_count(0)
    assert key not in await page.content()

    revoke = line.get_by_role("button", name="Revoke backup")
    await revoke.click()
    await line.get_by_role("button", name="Keep").click()
    assert status(server, key) == 200
    await revoke.click()
    await line.get_by_role("button", name="Revoke for good").click()
    await expect(line).to_have_count(0)
    assert status(server, key) == 401
