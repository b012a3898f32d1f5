"""Screens of one process, the worker in another: what they show with Redis, and without it."""

from collections.abc import AsyncGenerator
from time import monotonic

import pytest

from chatapp.domain.feedback import Rating
from chatapp.domain.runs import Turn
from chatapp.ui.following import Screens
from chatapp.ui.room import Tab
from tests.chat import Chat
from tests.over_redis import web, worker
from tests.redis import RedisServer
from tests.ui.browsers import Browsers, showing
from tests.upstream import text
from tests.waiting import until

__all__ = ["web", "worker"]


@pytest.fixture
def browsers() -> Browsers:
    return Browsers()


@pytest.fixture
async def screens(web: Chat, browsers: Browsers) -> AsyncGenerator[Screens]:
    async with showing(web.services, browsers) as registry:
        yield registry


async def look(screens: Screens, web: Chat, turn: Turn) -> Tab:
    """A tab opens the conversation, as the page's follower does it."""
    tab = screens.enter("tab", web.who)
    room = await screens.join(tab, turn.conversation_id)
    for snapshot in await web.snapshots(turn):
        if snapshot.message.id == turn.message_id:
            room.adopt(snapshot)
    screens.show(tab, turn.message_id)
    tab.take_news()
    return tab


async def rating_shown(web: Chat, turn: Turn) -> Rating | None:
    """What the page says of the reply when it reads it."""
    window = await web.services.conversations.window(web.who, turn.conversation_id)
    given = window.feedback.get(turn.message_id)
    return given.value if given else None


async def test_a_screen_is_live_without_redis_and_whole_afterwards(
    screens: Screens, web: Chat, browsers: Browsers, redis_server: RedisServer
):
    """Text comes each second, and only what is new of it; the end of the reply is told too."""
    turn = await web.send("[n:700 r:100]")
    tab = await look(screens, web, turn)
    await until(lambda: len(browsers.text("tab")) > 100)
    redis_server.kill()
    killed, lengths = monotonic(), set[int]()

    def grows() -> bool:
        lengths.add(len(browsers.text("tab")))
        return monotonic() - killed > 4.5

    await until(grows)
    assert len(lengths) >= 3
    assert text(700).startswith(browsers.text("tab"))
    await web.ended(turn, seconds=30)
    # No notice tells of it, and the tab reads the conversation.
    await until(lambda: tab.take_news().tree)
    redis_server.start()
    await look(screens, web, turn)
    await until(lambda: browsers.text("tab") == text(700) and browsers.now("tab", "status") == "complete")


async def test_an_idle_screen_is_not_read_again_each_second(
    screens: Screens, web: Chat, worker: Chat, redis_server: RedisServer
):
    """Only when something has happened: hundreds of them may be open while Redis is away."""
    turn = await web.send("[n:3]")
    await web.ended(turn)
    tab = await look(screens, web, turn)
    missed: list[float] = []
    watch = web.services.following.watch_list(web.who, lambda _: missed.append(monotonic()))
    redis_server.kill()
    await until(lambda: tab.take_news().tree)
    await until(lambda: len(missed) >= 4)
    assert not tab.take_news().tree
    await worker.send("[n:3]", to=turn)
    await until(lambda: tab.take_news().tree)
    assert not await rating_shown(web, turn)
    await worker.services.feedback.give(worker.who, message_id=turn.message_id, value=Rating.GOOD)
    await until(lambda: tab.take_news().tree)
    assert await rating_shown(web, turn)
    watch.close()
