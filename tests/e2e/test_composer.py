"""Where one writes: what is sent is sent once, and what is written is never lost."""

import asyncio

from playwright.async_api import Route, expect

from tests.app_server import AppServer
from tests.e2e.screen import Screen
from tests.e2e.stored import kept
from tests.e2e.visitor import Visitor

#: Two presses before the page can draw once, as an impatient finger or a bouncing key does.
TWICE = """field => { for (let n = 0; n < 2; n++)
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })) }"""
#: An Enter that belongs to an input method; some browsers end the composition first and then send it.
ENTER = """(field, about) => field.dispatchEvent(new KeyboardEvent("keydown",
  { key: "Enter", bubbles: true, cancelable: true, ...about }))"""
HEIGHT = "field => field.offsetHeight"


async def said_once(screen: Screen, server: AppServer, words: str) -> None:
    """Fail unless this is the only message, on the screen and in the database."""
    await screen.reply_is("complete")
    await expect(screen.said).to_have_count(1)
    await expect(screen.replies).to_have_count(1)
    stored = kept(server.data_dir, screen.conversation_id)
    assert [one.text for one in stored if one.role == "user"] == [words]
    assert len(stored) == 2


async def test_a_double_click_on_send_sends_once(visitor: Visitor, server: AppServer) -> None:
    """The second click finds an empty field."""
    screen = await visitor.opens()
    await screen.writes("Once [n:40 r:40]")
    await screen.button("Send").dblclick(delay=0)
    await said_once(screen, server, "Once [n:40 r:40]")


async def test_enter_twice_at_once_sends_once(visitor: Visitor, server: AppServer) -> None:
    """Also before the page could draw the empty field."""
    screen = await visitor.opens()
    await screen.writes("Once [n:40 r:40]")
    await screen.composer.evaluate(TWICE)
    await said_once(screen, server, "Once [n:40 r:40]")


async def test_enter_while_a_reply_streams_waits_its_turn(visitor: Visitor, server: AppServer) -> None:
    """Messages are taken at once and answered in the order in which they were sent."""
    screen = await visitor.opens()
    await screen.sends("First [n:120 r:60]")
    await screen.reply_shows(10)
    await expect(screen.button("Send")).to_be_enabled()
    await expect(screen.button("Stop").first).to_be_enabled()
    await screen.sends("Second [n:20]")
    await screen.sends("Third [n:10]")
    await expect(screen.page.locator("article[data-role=assistant][data-status=complete]")).to_have_count(3)
    for index, count in enumerate((120, 20, 10)):
        await screen.reply_is_exactly(count, screen.replies.nth(index))
    said = [one.text for one in kept(server.data_dir, screen.conversation_id) if one.role == "user"]
    assert said == ["First [n:120 r:60]", "Second [n:20]", "Third [n:10]"]


async def test_enter_of_an_input_method_does_not_send(visitor: Visitor) -> None:
    """Whoever writes Japanese or Chinese presses Enter to take a word; some browsers say so late."""
    screen = await visitor.opens()
    keyboard = await visitor.context.new_cdp_session(screen.page)
    word = {"text": "日本", "selectionStart": 2, "selectionEnd": 2}
    await screen.composer.focus()
    await keyboard.send("Input.imeSetComposition", word)
    await expect(screen.composer).to_have_value("日本")
    await screen.composer.evaluate(ENTER, {"keyCode": 13, "isComposing": True})
    await keyboard.send("Input.insertText", {"text": "日本"})
    await screen.composer.evaluate(ENTER, {"keyCode": 229})
    await screen.page.keyboard.type("語 [n:3]")
    await expect(screen.composer).to_have_value("日本語 [n:3]")
    await expect(screen.said).to_have_count(0)
    await screen.composer.press("Enter")
    await expect(screen.said).to_contain_text("日本語")
    await screen.reply_is("complete")


async def test_the_field_grows_to_a_limit_and_keeps_its_lines(visitor: Visitor) -> None:
    """Shift+Enter breaks the line; what is longer than the field scrolls in it; then it is small again."""
    screen = await visitor.opens()
    small = await screen.composer.evaluate(HEIGHT)
    await screen.writes("one")
    for line in ("two", "three [n:3]"):
        await screen.composer.press("Shift+Enter")
        await screen.page.keyboard.type(line)
    await expect(screen.composer).to_have_value("one\ntwo\nthree [n:3]")
    assert await screen.composer.evaluate(HEIGHT) > 2 * small
    await screen.writes("one\ntwo\nthree [n:3]" + "\nmore" * 60)
    limit = await screen.composer.evaluate(HEIGHT)
    assert limit < 0.5 * await screen.page.evaluate("innerHeight")
    assert await screen.composer.evaluate("field => field.scrollHeight") > 3 * limit
    await screen.composer.press("Enter")
    await screen.reply_is("complete")
    assert await screen.composer.evaluate(HEIGHT) == small
    assert "one\ntwo\nthree [n:3]\nmore" in await screen.said.locator(".words").inner_text()


async def test_a_draft_survives_a_reload_and_belongs_to_its_conversation(visitor: Visitor) -> None:
    """Each conversation keeps its own; a sent one is gone."""
    screen = await visitor.opens()
    await screen.asks("Talk [n:3]")
    path = f"/c/{screen.conversation_id}"
    await screen.writes("half a thou")
    await screen.page.reload()
    await expect(screen.composer).to_have_value("half a thou")
    await screen.button("New chat").click()
    await expect(screen.composer).to_have_value("")
    await screen.writes("another")
    await screen.sidebar.get_by_role("link", name="Talk").click()
    await expect(screen.composer).to_have_value("half a thou")
    await screen.composer.press("End")
    await screen.composer.type("ght [n:3]")
    await screen.composer.press("Enter")
    await expect(screen.said).to_have_count(2)
    await screen.reply_is("complete")
    await screen.goes_to(path)
    await expect(screen.composer).to_have_value("")
    await screen.goes_to("/")
    await expect(screen.composer).to_have_value("another")


async def test_a_draft_survives_the_sudden_end_of_its_tab(visitor: Visitor) -> None:
    """Nobody had the time to save anything."""
    screen = await visitor.opens()
    await screen.asks("Talk [n:3]")
    path = f"/c/{screen.conversation_id}"
    await screen.writes("half a thought")
    await screen.page.close(run_before_unload=False)
    again = await visitor.opens(path)
    await expect(again.composer).to_have_value("half a thought")


async def test_what_is_typed_before_the_page_is_alive_stays(visitor: Visitor) -> None:
    """The field stands there before its scripts have come, and takes words."""
    screen = await visitor.tab()
    alive = asyncio.Event()

    async def late(route: Route) -> None:
        await alive.wait()
        await route.continue_()

    await screen.page.route("**/assets/*.js", late)
    await screen.page.goto("/", wait_until="commit")
    await screen.composer.type("Quick fingers [n:3]")
    alive.set()
    await screen.is_online()
    await expect(screen.composer).to_have_value("Quick fingers [n:3]")
    await screen.composer.press("Enter")
    await expect(screen.said).to_contain_text("Quick fingers")
    await screen.reply_is("complete")


async def test_going_between_conversations(visitor: Visitor) -> None:
    """New chat, the sidebar, an address, back and forward all lead where they say."""
    screen = await visitor.opens()
    await screen.asks("About whales [n:3]")
    whales = screen.conversation_id
    await screen.starts_anew()
    await expect(screen.page.locator("article")).to_have_count(0)
    await screen.asks("About ships [n:3]")
    ships = screen.conversation_id
    assert whales != ships
    await screen.sidebar.get_by_role("link", name="About whales").click()
    await expect(screen.said).to_contain_text("whales")
    await screen.page.go_back()
    await expect(screen.said).to_contain_text("ships")
    await screen.page.go_forward()
    await expect(screen.said).to_contain_text("whales")
    await screen.goes_to(f"/c/{ships}")
    await expect(screen.said).to_contain_text("ships")
    await expect(screen.said).to_have_count(1)


async def test_a_reply_goes_on_while_one_looks_elsewhere(visitor: Visitor) -> None:
    """Leaving a conversation in mid-reply and coming back finds it further on, then whole."""
    screen = await visitor.opens()
    await screen.asks("Other talk [n:3]")
    await screen.starts_anew()
    await screen.sends("Long talk [n:200 r:60]")
    await screen.reply_shows(20)
    await screen.sidebar.get_by_role("link", name="Other talk").click()
    await expect(screen.said).to_contain_text("Other talk")
    await expect(screen.reply).to_have_attribute("data-status", "complete")
    await screen.sidebar.get_by_role("link", name="Long talk").click()
    await screen.reply_shows(30)
    await screen.reply_is("complete")
    await screen.reply_is_exactly(200)
