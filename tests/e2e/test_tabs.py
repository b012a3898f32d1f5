"""Tabs of one browser show the same; another browser sees nothing of it."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.screen import Screen
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor
from tests.upstream import Upstream, text


async def two_tabs(visitor: Visitor) -> tuple[Screen, Screen]:
    """The same conversation, with a turn in it, in two tabs."""
    first = await visitor.opens()
    await first.asks("Hello [n:5]")
    second = await visitor.opens(f"/c/{first.conversation_id}")
    await expect(second.replies).to_have_count(1)
    return first, second


async def test_an_idle_tab_shows_a_turn_that_begins_in_another(visitor: Visitor) -> None:
    """Message and reply appear while they happen, in both directions."""
    first, second = await two_tabs(visitor)
    for sender, watcher, turn in ((first, second, 2), (second, first, 3)):
        await sender.sends(f"Turn {turn} [n:120 r:60]")
        await expect(watcher.said).to_have_count(turn)
        await watcher.reply_shows(20)
        await expect(watcher.reply).to_have_attribute("data-status", "streaming")
        for screen in (sender, watcher):
            await screen.reply_is("complete")
            await screen.reply_is_exactly(120)


async def test_a_new_conversation_appears_in_the_list_of_another_tab(visitor: Visitor) -> None:
    """The sidebar is live too, on the page of a new chat."""
    first, second = await visitor.opens(), await visitor.opens()
    await first.asks("Tell me of whales [n:5]")
    await expect(second.sidebar.get_by_role("link", name="Tell me of whales")).to_be_visible()


@pytest.mark.parametrize("stopper", [0, 1], ids=["own-tab", "other-tab"])
async def test_a_stop_ends_the_reply_everywhere(visitor: Visitor, upstream: Upstream, stopper: int) -> None:
    """Within a second the model is told and both tabs show it; the text so far stays."""
    tabs = await two_tabs(visitor)
    name = f"stop{stopper}"
    await tabs[0].sends(f"Count [id:{name} n:1000 r:40]")
    await tabs[stopper].reply_shows(20)
    await tabs[stopper].button("Stop").click()
    record = next(one for one in upstream.requests if one.knobs.id == name)
    async with asyncio.timeout(1):
        await record.ended.wait()
    assert record.outcome == "closed"
    for screen in tabs:
        await screen.reply_is("stopped", within=2)
        await expect(screen.button("Stop")).to_have_count(0)
    found = [await screen.copied() for screen in tabs]
    assert found[0] == found[1]
    assert text(1000).startswith(found[0])
    assert "w20" in found[0]


async def test_continue_goes_on_after_a_stop(visitor: Visitor, server: AppServer) -> None:
    """The reply goes on where it ended, byte for byte; what was stopped stays stored."""
    screen = await visitor.opens()
    await screen.sends("Count [n:200 r:60]")
    await screen.reply_shows(40)
    await screen.button("Stop").click()
    await screen.reply_is("stopped")
    stopped = await screen.copied()
    await screen.button("Continue").click()
    await screen.reply_is("complete")
    await screen.reply_is_exactly(200)
    stored = kept(server.data_dir, screen.conversation_id)
    assert [one.text for one in stored if one.role == "assistant"] == [stopped, text(200)]


async def test_regenerate_makes_another_reply(visitor: Visitor, server: AppServer) -> None:
    """The new one takes the place of the old one, which stays stored."""
    screen = await visitor.opens()
    await screen.asks("Count [n:20]")
    first = await screen.reply.get_attribute("data-message-id")
    await screen.button("Regenerate").click()
    await expect(screen.reply).not_to_have_attribute("data-message-id", first or "")
    await screen.reply_is("complete")
    await screen.reply_is_exactly(20)
    await expect(screen.replies).to_have_count(1)
    stored = kept(server.data_dir, screen.conversation_id)
    assert [one.role for one in stored] == ["user", "assistant", "assistant"]


async def test_simultaneous_sends_stand_in_one_order(visitor: Visitor) -> None:
    """Both tabs show the same messages in the same order."""
    first, second = await two_tabs(visitor)
    await asyncio.gather(first.writes("From one [n:5]"), second.writes("From two [n:5]"))
    await asyncio.gather(first.composer.press("Enter"), second.composer.press("Enter"))
    for screen in (first, second):
        await expect(screen.said).to_have_count(3)
        await expect(screen.replies).to_have_count(3)
        await expect(screen.page.locator("article[data-status=complete]")).to_have_count(6)
    # Not the inner text: what is out of view is not laid out and has none.
    assert await first.said.all_text_contents() == await second.said.all_text_contents()


async def test_another_browser_sees_nothing(visitor: Visitor, come: Come, server: AppServer) -> None:
    """No list, no conversation by its address: the page says calmly that it was not found."""
    mine = await visitor.opens()
    await mine.asks("A secret whale [n:5]")
    stranger = await come(server.url)
    theirs = await stranger.opens()
    await theirs.is_online()
    await expect(theirs.sidebar.get_by_role("link")).to_have_count(0)
    await theirs.goes_to(f"/c/{mine.conversation_id}")
    await expect(theirs.page.get_by_text("not found")).to_be_visible()
    await expect(theirs.page.locator("article")).to_have_count(0)
    assert "whale" not in await theirs.page.content()
