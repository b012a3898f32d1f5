"""What every broadcast promises to those who publish and listen in one process, whatever others do."""

from collections.abc import AsyncGenerator

import pytest

from chatapp.streams.base import Broadcast, Missed, Notice, Queued, TreeChanged
from chatapp.streams.memory import MemoryBroadcast
from tests.needs import require
from tests.streams.carried import carried


@pytest.fixture(params=["memory", "redis"])
async def broadcast(request: pytest.FixtureRequest) -> AsyncGenerator[Broadcast]:
    if request.param == "memory":
        yield MemoryBroadcast()
        return
    require("redis")
    async with carried(request.getfixturevalue("redis_server")) as one:
        yield one


class Ear:
    """Keeps what it is told, but for what a process with others is told about them."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def __call__(self, notice: Notice) -> None:
        if notice != Missed():
            self.notices.append(notice)


async def test_a_notice_reaches_its_topic_only(broadcast: Broadcast):
    """What happens in one conversation is told to nobody else."""
    mine, others = Ear(), Ear()
    broadcast.listen("conversation:1", mine)
    broadcast.listen("conversation:2", others)
    broadcast.publish("conversation:1", TreeChanged())
    assert (mine.notices, others.notices) == ([TreeChanged()], [])


async def test_who_listens_has_been_told_when_publish_returns(broadcast: Broadcast):
    """In order: the engine's own process needs no round trip for what it says to its readers."""
    ear = Ear()
    broadcast.listen("t", ear)
    for position in (3, 1, 2):
        broadcast.publish("t", Queued(message_id="m", position=position))
    assert ear.notices == [Queued(message_id="m", position=position) for position in (3, 1, 2)]


async def test_a_listener_that_fails_harms_nobody(broadcast: Broadcast):
    """One broken tab must not keep the others, or the worker itself, from going on."""
    ear = Ear()

    def broken(notice: Notice) -> None:
        raise RuntimeError(notice.kind)

    broadcast.listen("t", broken)
    broadcast.listen("t", ear)
    broadcast.publish("t", TreeChanged())
    assert ear.notices == [TreeChanged()]


async def test_stopping_is_for_good_and_may_be_repeated(broadcast: Broadcast):
    """A reader that left is told nothing more, even if it leaves while a notice goes round."""
    ear = Ear()
    stop = broadcast.listen("t", ear)
    broadcast.listen("t", lambda _: stop())
    broadcast.publish("t", TreeChanged())
    broadcast.publish("t", TreeChanged())
    stop()
    assert ear.notices == [TreeChanged()]


async def test_the_same_listener_may_listen_twice(broadcast: Broadcast):
    """Two tabs may share a function; each is told, and each is stopped by itself."""
    ear = Ear()
    stop, _ = broadcast.listen("t", ear), broadcast.listen("t", ear)
    stop()
    broadcast.publish("t", TreeChanged())
    assert len(ear.notices) == 1
