"""People who look at the page, in Chromium, while it happens."""

from dataclasses import dataclass, field
from typing import Final, Self

from playwright.async_api import Browser, expect

from tests.chaos.bed import Bed
from tests.chaos.checks import text_of
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor
from tests.upstream import text

#: What a browser says of itself while a door is shut.
SHUT: Final = "Failed to load resource: the server responded with a status of 50"
_STORED: Final = """
SELECT role, status, parts FROM messages JOIN conversations ON conversation_key = key
WHERE conversations.id = '{}'
"""


@dataclass(kw_only=True, slots=True)
class Onlooker:
    """One tab with one conversation; what is said in it is asked for and followed on the screen alone."""

    visitor: Visitor
    screen: Screen
    tokens: int
    said: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    @classmethod
    async def came(cls, browser: Browser, bed: Bed, *, tokens: int) -> Self:
        """Somebody new, whose page is live."""
        visitor = await Visitor.came(browser, bed.doors[0], ignore_https_errors=True)
        visitor.was_cut = True
        found = cls(visitor=visitor, screen=await visitor.opens(), tokens=tokens)
        found.screen.page.on("load", lambda page: found.loads.append(page.url))
        return found

    async def says(self, words: str) -> None:
        """Presses Enter, and does not wait for anything: what happens may happen then."""
        self.said.append(words)
        await self.screen.writes(words)
        await self.screen.composer.press("Enter")

    async def is_shown_all(self, bed: Bed, *, within: float) -> None:
        """Each reply is whole on the screen, as it is stored; nothing was loaded anew, nobody logged out."""
        await self.screen.is_online(within=within)
        await self._sees_it(within=within)
        assert self.loads == [], "the page was loaded anew by itself"
        self._is_stored(bed)

    async def leaves(self) -> None:
        """Once more from the beginning, as one who is logged in, and nothing went wrong in the browser."""
        await self.screen.page.reload()
        await self._sees_it(within=15)
        seen = self.visitor.seen
        seen.console = [one for one in seen.console if not one.startswith(SHUT)]
        await self.visitor.leaves()

    async def _sees_it(self, *, within: float) -> None:
        whole = self.screen.page.locator("article[data-role=assistant][data-status=complete]")
        await expect(whole).to_have_count(len(self.said), timeout=within * 1000)
        await expect(self.screen.replies).to_have_count(len(self.said))
        await expect(self.screen.said.locator(".words")).to_have_text(self.said)
        for number in range(len(self.said)):
            await self.screen.reply_is_exactly(self.tokens, self.screen.replies.nth(number))
        link = self.screen.sidebar.locator(f"a[href$='/c/{self.screen.conversation_id}']")
        await expect(link).to_have_count(1)

    def _is_stored(self, bed: Bed) -> None:
        kept = [
            (role, status, text_of(parts))
            for role, status, parts in bed.ask(_STORED.format(self.screen.conversation_id))
        ]
        assert sorted(one[2] for one in kept if one[0] == "user") == sorted(self.said)
        replies = [one[1:] for one in kept if one[0] == "assistant"]
        assert replies == [("complete", text(self.tokens))] * len(self.said)
