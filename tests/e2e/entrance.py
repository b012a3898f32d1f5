"""The log-in page as a person uses it."""

import re
from typing import Final

from playwright.async_api import Locator, expect

from tests.e2e.screen import REPLY_MS, Screen

PASSWORD: Final = "correct horse battery"
#: Checking a password takes a tenth of a second of a core, and a busy machine has none to spare.
ENTRY_MS: Final = 30_000


class Entrance:
    """A tab that shows `/login`."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.page = screen.page

    @property
    def email(self) -> Locator:
        return self.page.get_by_label("Email")

    @property
    def password(self) -> Locator:
        return self.page.get_by_label("Password")

    @property
    def problem(self) -> Locator:
        return self.page.get_by_role("alert")

    async def is_shown(self) -> None:
        """The form is there and takes words."""
        await expect(self.page).to_have_url(re.compile(r"/login(\?|$)"), timeout=ENTRY_MS)
        await expect(self.email).to_be_editable(timeout=ENTRY_MS)

    async def tries(self, email: str, password: str = PASSWORD) -> None:
        """Fill in and send the form that logs in."""
        await self.email.fill(email)
        await self.password.fill(password)
        await self.screen.button("Log in").click()

    async def logs_in(self, email: str, password: str = PASSWORD) -> None:
        await self.is_shown()
        await self.tries(email, password)
        await is_let_in(self.screen)

    async def registers(self, email: str, *, name: str = "", password: str = PASSWORD) -> None:
        """By keyboard alone: from the first thing that has the focus to the last."""
        await self.is_shown()
        if not await self.page.get_by_label("Name").is_visible():
            await self.screen.button("Create account").press("Enter")
        keyboard = self.page.keyboard
        await expect(self.page.get_by_label("Name")).to_be_focused()
        for words in (name, email):
            await keyboard.type(words)
            await keyboard.press("Tab")
        await keyboard.type(password)
        await keyboard.press("Enter")
        await is_let_in(self.screen)


async def is_let_in(screen: Screen) -> None:
    """The chat is there again, and alive."""
    await expect(screen.page).not_to_have_url(re.compile("/login"), timeout=ENTRY_MS)
    await expect(screen.composer).to_be_editable(timeout=REPLY_MS)
    await screen.is_online(within=REPLY_MS / 1000)


async def opens_user_menu(screen: Screen) -> Locator:
    """The menu at the foot of the list; its entries are found in it by their names."""
    await screen.page.get_by_role("button", name="user menu").click()
    return screen.page.get_by_role("menu")
