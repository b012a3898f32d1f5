"""Tabs are told what happens in their conversation, each at its own pace; only the sockets are made up."""

from collections.abc import AsyncGenerator

import pytest

from chatapp.domain.errors import NotFound
from chatapp.domain.runs import Turn
from chatapp.ui.following import Screens
from chatapp.ui.room import Tab
from chatapp.ui.wire import MAX_WAITING
from tests.chat import Chat
from tests.ui.browsers import Browsers, showing
from tests.upstream import text
from tests.waiting import until


@pytest.fixture
def browsers() -> Browsers:
    return Browsers()


@pytest.fixture
async def screens(chat: Chat, browsers: Browsers) -> AsyncGenerator[Screens]:
    async with showing(chat.services, browsers) as registry:
        yield registry


async def look(screens: Screens, chat: Chat, turn: Turn, token: str) -> Tab:
    """A tab opens the conversation, as the page's follower does it."""
    tab = screens.enter(token, chat.who)
    room = await screens.join(tab, turn.conversation_id)
    for snapshot in await chat.snapshots(turn):
        if snapshot.message.id == turn.message_id:
            room.adopt(snapshot)
    screens.show(tab, turn.message_id)
    return tab


async def test_every_tab_ends_with_the_reply_whenever_it_came(
    screens: Screens, browsers: Browsers, chat: Chat
) -> None:
    """One from the start, one in the middle, one when all is over: the same text and status."""
    turn = await chat.send("[n:300 r:400]")
    await look(screens, chat, turn, "early")
    await until(lambda: len(browsers.text("early")) > 300)
    await look(screens, chat, turn, "middle")
    await until(lambda: browsers.now("early", "status") == "complete")
    await look(screens, chat, turn, "late")
    for token in ("early", "middle", "late"):
        await until(lambda token=token: browsers.text(token) == text(300))
        assert browsers.now(token, "status") == "complete"
        assert browsers.now(token, "id") == turn.message_id


async def test_many_tabs_cost_one_encoding(screens: Screens, browsers: Browsers, chat: Chat) -> None:
    """What is new is encoded once, whoever looks."""
    turn = await chat.send("[n:300 r:400]")
    tokens = [f"tab{n}" for n in range(20)]
    for token in tokens:
        await look(screens, chat, turn, token)
    await until(lambda: all(browsers.text(token) == text(300) for token in tokens))
    assert browsers.encoded < max(browsers.frames.values()) + 2 * len(tokens)


async def test_a_slow_tab_is_skipped_and_then_gets_everything(
    screens: Screens, browsers: Browsers, chat: Chat
) -> None:
    """Others are not held up, and what it missed comes in one frame."""
    turn = await chat.send("[n:300 r:400]")
    await look(screens, chat, turn, "slow")
    await look(screens, chat, turn, "quick")
    await until(lambda: browsers.text("slow") != "")
    browsers.queued["slow"] = MAX_WAITING + 1
    await until(lambda: browsers.text("quick") == text(300))
    frames = browsers.frames["slow"]
    assert browsers.text("slow") != text(300)
    browsers.queued["slow"] = 0
    await until(lambda: browsers.text("slow") == text(300))
    assert browsers.frames["slow"] == frames + 1


async def test_a_tab_whose_socket_is_gone_harms_nobody(
    screens: Screens, browsers: Browsers, chat: Chat
) -> None:
    """It is sent nothing, and the others everything."""
    turn = await chat.send("[n:100 r:400]")
    await look(screens, chat, turn, "gone")
    await look(screens, chat, turn, "here")
    await until(lambda: browsers.text("here") == text(100))
    assert "gone" not in browsers.frames


async def test_another_turn_wakes_the_tab(screens: Screens, chat: Chat) -> None:
    """Also an idle one, and one that did not send it."""
    turn = await chat.send("[n:3]")
    tab = await look(screens, chat, turn, "idle")
    await until(lambda: tab.take_news().tree)
    await chat.send("[n:3]", to=turn)
    await until(lambda: tab.take_news().tree)
    await until(lambda: tab.take_news().listing)


async def test_who_reads_for_itself_is_woken_for_the_rest(screens: Screens, chat: Chat) -> None:
    """A send shows its own turn: its follower is not woken for that, and is for what came meanwhile."""
    turn = await chat.send("[n:3]")
    await chat.ended(turn)
    tab = await look(screens, chat, turn, "tab")
    tab.take_news()
    with screens.reading("tab"):
        tab.tell_tree()
        tab.skip_tree()
    assert not tab.news.is_set()
    with screens.reading("tab"):
        tab.tell_tree()
        tab.skip_tree()
        tab.tell_tree()
        assert not tab.news.is_set()
    assert tab.news.is_set()
    assert tab.take_news().tree


async def test_what_is_read_together_is_told_together(chat: Chat) -> None:
    """A reply that ends changes the conversation and the list: the tab is woken once for both."""
    tab = Tab(token="tab", principal=chat.who)
    tab.take_news()
    tab.tell_list()
    assert not tab.news.is_set()
    tab.tell_tree()
    told = tab.take_news()
    assert told.tree
    assert told.listing
    assert tab.list_soon is None
    tab.tell_list()
    await until(tab.news.is_set)
    told = tab.take_news()
    assert not told.tree
    assert told.listing


async def test_the_end_of_a_reply_is_no_reason_to_read_it(
    screens: Screens, browsers: Browsers, chat: Chat
) -> None:
    """Who followed it has seen all of it, and is told that it ended, together with the list."""
    turn = await chat.send("[n:30 r:100]")
    tab = await look(screens, chat, turn, "tab")
    tab.take_news()
    await until(tab.news.is_set)
    told = tab.take_news()
    assert (told.ended, told.tree, told.listing) == (turn.message_id, False, True)
    assert tab.has_shown(turn.message_id)


async def test_who_did_not_follow_a_reply_has_not_seen_it(screens: Screens, chat: Chat) -> None:
    """Its end is all that such a tab hears of it."""
    turn = await chat.send("[n:3 t:300]")
    tab = screens.enter("tab", chat.who)
    await screens.join(tab, turn.conversation_id)
    screens.show(tab, turn.message_id)
    await until(lambda: tab.take_news().ended == turn.message_id)
    assert not tab.has_shown(turn.message_id)


async def test_who_leaves_is_told_nothing_more(screens: Screens, browsers: Browsers, chat: Chat) -> None:
    """The last one to leave ends the watch; the reply goes on without readers."""
    turn = await chat.send("[n:200 r:400]")
    tab = await look(screens, chat, turn, "tab")
    await until(lambda: browsers.text("tab") != "")
    screens.leave(tab)
    shown = browsers.text("tab")
    assert (await chat.ended(turn)).text == text(200)
    assert browsers.text("tab") == shown
    await look(screens, chat, turn, "back")
    await until(lambda: browsers.text("back") == text(200))


async def test_somebody_elses_conversation_cannot_be_joined(screens: Screens, chat: Chat) -> None:
    """Also while its owner looks at it."""
    turn = await chat.send("[n:50 r:400]")
    await look(screens, chat, turn, "owner")
    stranger = screens.enter("stranger", chat.of("stranger").who)
    with pytest.raises(NotFound):
        await screens.join(stranger, turn.conversation_id)
    assert stranger.room is None


async def test_going_to_another_reply_clears_the_live_one(
    screens: Screens, browsers: Browsers, chat: Chat
) -> None:
    """A page without a live reply has no Stop button."""
    turn = await chat.send("[n:50 r:400]")
    tab = await look(screens, chat, turn, "tab")
    await until(lambda: browsers.now("tab", "status") == "complete")
    screens.show(tab, "")
    await until(lambda: browsers.now("tab", "id") == "")
    assert browsers.now("tab", "status") == ""
