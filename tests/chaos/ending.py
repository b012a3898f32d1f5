"""How it must end, whatever happened."""

from typing import Final

from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.screen import Screen
from tests.e2e.stored import kept
from tests.upstream import text

#: Tokens of each reply.
TOKENS: Final = 240


async def ends_right(screen: Screen, server: AppServer, words: list[str]) -> None:
    """Fail unless every message was answered once, byte for byte, on the screen and below."""
    done = screen.page.locator("article[data-role=assistant][data-status=complete]")
    await expect(done).to_have_count(len(words), timeout=20_000)
    await expect(screen.said).to_have_count(len(words))
    await screen.reply_is_exactly(TOKENS)
    stored = kept(server.data_dir, screen.conversation_id)
    assert [one.text for one in stored if one.role == "user"] == words
    assert [one.text for one in stored if one.role == "assistant"] == [text(TOKENS)] * len(words)
