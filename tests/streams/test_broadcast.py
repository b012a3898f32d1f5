"""Notices reach who listens, whatever other listeners do."""

from chatapp.streams.base import Notice, TreeChanged
from chatapp.streams.broadcast import Broadcast


def test_a_notice_reaches_its_topic_only():
    """What happens in one conversation is told to nobody else."""
    broadcast, mine, others = Broadcast(), list[Notice](), list[Notice]()
    broadcast.listen("conversation:1", mine.append)
    broadcast.listen("conversation:2", others.append)
    broadcast.publish("conversation:1", TreeChanged())
    assert (mine, others) == ([TreeChanged()], [])


def test_a_listener_that_fails_harms_nobody():
    """One broken tab must not keep the others, or the worker itself, from going on."""
    broadcast, heard = Broadcast(), list[Notice]()

    def broken(notice: Notice) -> None:
        raise RuntimeError(notice.kind)

    broadcast.listen("t", broken)
    broadcast.listen("t", heard.append)
    broadcast.publish("t", TreeChanged())
    assert heard == [TreeChanged()]


def test_stopping_is_for_good_and_may_be_repeated():
    """A reader that left is told nothing more, even if it leaves while a notice goes round."""
    broadcast, heard = Broadcast(), list[Notice]()
    stop = broadcast.listen("t", heard.append)
    broadcast.listen("t", lambda _: stop())
    broadcast.publish("t", TreeChanged())
    broadcast.publish("t", TreeChanged())
    stop()
    assert heard == [TreeChanged()]


def test_the_same_listener_may_listen_twice():
    """Two tabs may share a function; each is told, and each is stopped by itself."""
    broadcast, heard = Broadcast(), list[Notice]()
    stop, _ = broadcast.listen("t", heard.append), broadcast.listen("t", heard.append)
    stop()
    broadcast.publish("t", TreeChanged())
    assert len(heard) == 1
