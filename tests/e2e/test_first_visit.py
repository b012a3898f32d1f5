"""A first visit: nothing to fill in, a message, a reply that streams."""

import re

from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor
from tests.upstream import text


async def test_a_reply_streams_and_ends_as_it_is_kept(visitor: Visitor, server: AppServer) -> None:
    """The reply grows while it streams and ends as the server keeps it, byte for byte."""
    screen = await visitor.opens()
    await expect(screen.page.get_by_role("region", name="Welcome")).to_be_visible()
    await screen.sends("Hello [n:120 r:60]")
    await screen.reply_is("streaming")
    await screen.reply_shows(10)
    assert len(await screen.numbers()) < 120
    await screen.reply_is("complete")
    await screen.reply_is_exactly(120)
    stored = [one.text for one in kept(server.data_dir, screen.conversation_id)]
    assert stored == ["Hello [n:120 r:60]", text(120)]


async def test_messages_say_what_they_are(visitor: Visitor) -> None:
    """Each message has its id, role and status, and shows its time."""
    screen = await visitor.opens()
    await screen.asks("One [n:5]")
    for message, role in ((screen.said, "user"), (screen.reply, "assistant")):
        await expect(message).to_have_attribute("data-message-id", re.compile(r"^[\w-]+$"))
        await expect(message).to_have_attribute("data-role", role)
        await expect(message).to_have_attribute("data-status", "complete")
        await expect(message.locator("time")).to_have_attribute("datetime", re.compile(r"^2\d{3}-\d\d-\d\dT"))
        await expect(message.locator("time")).to_have_text(re.compile(r"\d"))


async def test_a_conversation_speaks_only_where_it_is_meant_to(visitor: Visitor) -> None:
    """The log is not a live region: a screen reader must not hear each token."""
    screen = await visitor.opens()
    await screen.asks("One [n:5]")
    await expect(screen.log).to_have_attribute("aria-live", "off")
