"""A tab with the chat in it, by the names that the page promises."""

import re
from typing import Final

from playwright.async_api import Locator, Page, expect

from tests.upstream import numbers, text

FINAL: Final = re.compile(r"^(complete|stopped|interrupted|failed)$")
#: Milliseconds. How long a reply may take to begin or end unless a test says otherwise.
REPLY_MS: Final = 60_000


class Screen:
    """Waits for what is expected; nothing here waits for a time."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def goes_to(self, path: str) -> None:
        """Load an address, until the page is live."""
        await self.page.goto(path, wait_until="commit")
        await expect(self.composer).to_be_editable(timeout=REPLY_MS)
        await self.is_online(within=REPLY_MS / 1000)

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def connection(self) -> Locator:
        return self.page.locator("[role=status][data-connection]")

    @property
    def sidebar(self) -> Locator:
        return self.page.get_by_role("navigation", name="Conversations")

    @property
    def replies(self) -> Locator:
        return self.page.locator("article[data-role=assistant]")

    @property
    def reply(self) -> Locator:
        """The last one."""
        return self.replies.last

    @property
    def said(self) -> Locator:
        """What the person wrote."""
        return self.page.locator("article[data-role=user]")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def conversation_id(self) -> str:
        """From the address."""
        section, _, found = self.page.url.rpartition("/")
        assert section.endswith("/c"), f"no conversation at {self.page.url}"
        return found

    async def writes(self, words: str) -> None:
        await self.composer.fill(words)

    async def starts_anew(self) -> None:
        """Go to a new chat; returns when what was there before is gone from the screen."""
        await self.button("New chat").click()
        await expect(self.page.get_by_role("region", name="Welcome")).to_be_visible()

    async def sends(self, words: str) -> None:
        """Write and press Enter; returns when the message is on the screen."""
        before = await self.said.count()
        await self.writes(words)
        await self.composer.press("Enter")
        await expect(self.said).to_have_count(before + 1)

    async def asks(self, words: str) -> None:
        """Send, and wait until the reply is whole."""
        before = await self.replies.count()
        await self.sends(words)
        await expect(self.replies).to_have_count(before + 1)
        await self.reply_is("complete")

    async def is_online(self, *, within: float = 10) -> None:
        await expect(self.connection).to_have_attribute("data-connection", "online", timeout=within * 1000)

    async def reply_is(self, status: str, *, within: float = REPLY_MS / 1000) -> None:
        """Wait until the last reply has this status."""
        await expect(self.reply).to_have_attribute("data-status", status, timeout=within * 1000)

    async def reply_has_ended(self, *, within: float = REPLY_MS / 1000) -> None:
        await expect(self.reply).to_have_attribute("data-status", FINAL, timeout=within * 1000)

    async def reply_shows(self, token: int, *, within: float = REPLY_MS / 1000) -> None:
        """Wait until the last reply has the token with this number."""
        await expect(self.reply).to_contain_text(re.compile(rf"w{token}(?!\d)"), timeout=within * 1000)

    async def numbers(self, reply: Locator | None = None) -> list[int]:
        """The numbers of the tokens that can be read in a reply, the last one by default."""
        return numbers(await (reply or self.reply).inner_text())

    async def copied(self, reply: Locator | None = None) -> str:
        """The text that "Copy" puts on the clipboard: all of it, as it was written."""
        found = reply or self.reply
        await self.page.bring_to_front()
        await found.get_by_role("button", name="Copy", exact=True).last.click()
        await expect(found.get_by_role("button", name="Copied", exact=True)).to_be_visible()
        return str(await self.page.evaluate("navigator.clipboard.readText()"))

    async def reply_is_exactly(self, count: int, reply: Locator | None = None) -> None:
        """Fail unless the reply is the numbered text, token by token on the screen and byte by byte below."""
        found = reply or self.reply
        # A tab that nobody looks at lays out nothing, and what is not laid out has no inner text.
        await self.page.bring_to_front()
        await found.scroll_into_view_if_needed()
        await expect(found).to_contain_text("w0", use_inner_text=True)
        drawn = [
            word for word in (await found.inner_text()).split() if word.startswith("w") and numbers(word)
        ]
        assert drawn == text(count).split()
        assert await self.copied(found) == text(count)
