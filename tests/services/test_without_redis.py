"""Two processes that make replies over one PostgreSQL, and no Redis: what one makes the other reads."""

from collections.abc import AsyncGenerator

import pytest

from chatapp.streams.base import Missed
from chatapp.streams.memory import MemoryBroadcast
from chatapp.streams.unheard import Unheard
from chatapp.telemetry.metrics import Metrics
from tests.chat import Chat, Follower, Opening
from tests.databases import postgres_only
from tests.reader import Reader
from tests.upstream import text


@pytest.fixture
async def maker(opening: Opening) -> AsyncGenerator[Chat]:
    """The one that people send to: whoever takes a message makes its reply."""
    async with opening() as opened:
        yield opened


@pytest.fixture
async def other(opening: Opening, maker: Chat) -> AsyncGenerator[Chat]:
    async with opening() as opened:
        yield opened


@postgres_only
async def test_a_reply_is_live_where_it_is_not_made(
    maker: Chat, other: Chat, caplog: pytest.LogCaptureFixture
):
    """In steps of two seconds, and to its end."""
    turn = await maker.send("[n:500 r:100]")
    page, reader = await Follower(other, turn).open(), Reader(other, turn)
    await reader.ended()
    assert reader.text == text(500)
    # 5 s of tokens.
    assert len(reader.at) >= 2
    assert len(page.shown) >= 2
    assert [one for one in caplog.messages if "REDIS_URL" in one]


@postgres_only
async def test_a_reply_is_stopped_where_it_is_not_made(maker: Chat, other: Chat):
    turn = await maker.send("[n:2000 r:50]")
    await maker.has_text(turn)
    await other.stop(turn)
    stopped = await maker.ended(turn)
    assert 0 < len(stopped.text) < len(text(2000))


def test_nobody_reads_for_the_sake_of_those_who_have_gone():
    """What the last one did is read once more; then this process is alone, and hears all that happens."""
    here, heard = MemoryBroadcast(), list[object]()
    here.listen("any", heard.append)
    unheard = Unheard(here, name="me", metrics=Metrics())
    told: list[int] = []
    for alive in ({"me"}, {"me", "other"}, {"me", "other"}, {"me"}, {"me"}):
        unheard.expect(alive)
        told.append(len(heard))
    assert told == [0, 1, 2, 3, 3]
    assert set(heard) == {Missed()}
