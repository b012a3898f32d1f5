"""One's own account on the page: name, password, logins."""

from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.entrance import PASSWORD, Entrance, opens_user_menu
from tests.e2e.fixtures import Come
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor

NEW = "a longer horse battery"


async def at_settings(visitor: Visitor, email: str) -> Screen:
    """A new member who has come to the page of settings."""
    screen = await visitor.tab()
    await screen.page.goto("/login?create=1&next=/settings", wait_until="commit")
    entrance = Entrance(screen)
    await entrance.is_shown()
    await entrance.email.fill(email)
    await entrance.password.fill(PASSWORD)
    await screen.button("Create account").click()
    await expect(screen.page.get_by_role("heading", name="Settings")).to_be_visible(timeout=30_000)
    return screen


async def test_name_and_password_change(come: Come, server: AppServer) -> None:
    """The list shows the name at once; only the new password opens the door; the old one is asked for."""
    visitor, other = await come(server.url), await come(server.url)
    screen = await at_settings(visitor, "dora@example.org")
    page = screen.page
    name = page.get_by_role("textbox", name="Name")
    await name.fill("Dora")
    await name.press("Enter")
    await expect(page.get_by_text("Your name is changed").first).to_be_visible()

    old, new = page.get_by_label("Current password"), page.get_by_label("New password")
    await old.fill("not my password")
    await new.fill(NEW)
    await new.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("password is wrong", timeout=30_000)
    await expect(old).to_be_focused()
    await expect(old).to_have_value("")
    await old.fill(PASSWORD)
    await new.fill(NEW)
    await new.press("Enter")
    await expect(page.get_by_text("Your password is changed").first).to_be_visible(timeout=30_000)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_role("link", name="Back to the chat").click()
    await screen.is_online()
    await expect(page.get_by_role("button", name="Dora, user menu")).to_be_visible()

    elsewhere = await other.opens()
    menu = await opens_user_menu(elsewhere)
    await menu.get_by_role("menuitem", name="Log in").click()
    entrance = Entrance(elsewhere)
    await entrance.is_shown()
    await entrance.tries("dora@example.org")
    await expect(entrance.problem).to_be_visible(timeout=30_000)
    await entrance.logs_in("dora@example.org", NEW)


async def test_one_takes_everything_along_and_deletes_it(come: Come, server: AppServer) -> None:
    """The file has the account in it; a wrong password deletes nothing; afterwards there is no way in."""
    screen = await at_settings(await come(server.url), "finn@example.org")
    page = screen.page
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Export everything").click()
    assert "finn@example.org" in (await (await coming.value).path()).read_text()
    await page.get_by_text("Delete this account").click()
    password, button = page.get_by_label("Your password"), screen.button("Delete everything for good")
    await password.fill("not my password")
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("is wrong", timeout=30_000)
    await expect(password).to_be_focused()
    await password.fill(PASSWORD)
    await button.click()
    entrance = Entrance(screen)
    await entrance.is_shown()
    await entrance.tries("finn@example.org")
    await expect(entrance.problem).to_contain_text("is wrong", timeout=30_000)
