"""Notices to the listeners of all processes, over one pub/sub channel of a Redis.

Nothing is kept there, and nothing depends on it: whoever may have missed something is told so, and reads the
database. Each process says something at least every `BEAT`. What it hears of itself tells it that Redis is
there, in both directions and now; what it hears of the others, that they can be heard. Who makes replies and
was never heard, or not for long, is known by its lease (`expect`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from chatapp.domain.ids import new_id
from chatapp.streams.base import Listener, Missed, Notice
from chatapp.streams.bundles import Bundle, Outbox, decode, encode
from chatapp.streams.connecting import AWAY
from chatapp.streams.memory import MemoryBroadcast
from chatapp.streams.notice_codec import UnknownNotice, load_notice
from chatapp.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

#: Bundles follow each other in this time: what a step of the log publishes, and what comes with it, is one
#: command. Far below what anybody sees.
GATHER: Final = timedelta(milliseconds=5)
#: Somebody who has nothing to say says so as often. Two may be lost in a hiccup, and nobody is alarmed.
BEAT: Final = timedelta(seconds=0.5)
#: Who is not heard for so long is not heard: a reply stands still for at most this and a second.
SILENCE: Final = timedelta(seconds=1.5)
#: What may have been missed is told so often.
AGAIN: Final = timedelta(seconds=1)
#: A process that was killed is silent too. By now its runs were taken over, and it is told of less often.
LONG_SILENCE: Final = timedelta(seconds=10)
SELDOM: Final = timedelta(seconds=5)
#: After so long it is taken for one that is gone, unless it is known to live.
FORGOTTEN: Final = timedelta(minutes=1)
#: How long to wait before a Redis that refused is asked again.
RETRY: Final = timedelta(milliseconds=250)
#: The way of one bundle in so many is timed.
TIMED: Final = 20
#: How often all this is looked at.
LOOK: Final = timedelta(milliseconds=250)
#: A Redis that does not take a goodbye keeps nobody from ending.
FAREWELL: Final = timedelta(seconds=1)


class RedisBroadcast:
    """The processes that share a `channel`. Listeners of this one are told at once, as by `MemoryBroadcast`,
    those of others when `run` has carried it there. `name` is this process's, and no other's."""

    def __init__(
        self, client: Redis, *, channel: str, name: str = "", metrics: Metrics | None = None
    ) -> None:
        untyped: Any = client  # its options are
        self._publish: Callable[[str, bytes], Awaitable[Any]] = untyped.publish
        self._pubsub: Callable[..., Any] = untyped.pubsub
        self._channel: str = channel
        self._metrics: Metrics = metrics or Metrics()
        self._here: MemoryBroadcast = MemoryBroadcast()
        self._name: str = name or new_id()
        self._outbox: Outbox = Outbox(self._name)
        #: When this process last heard itself, and others.
        self._heard_at: float = -inf
        self._others: dict[str, float] = {}
        #: Who of them is known to live.
        self._expected: frozenset[str] = frozenset()
        self._is_in_trouble: bool = False
        #: The number of a bundle whose way is timed, and when it was said.
        self._timed: tuple[int, float] = (0, 0.0)
        self._metrics.watch_redis(lambda: self.is_there)

    @property
    def is_there(self) -> bool:
        """Whether what is said here is heard, as far as can be known."""
        return self._heard_at > -inf and monotonic() - self._heard_at < SILENCE.total_seconds()

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Calls the listener for each notice from now on; returns how to stop it."""
        return self._here.listen(topic, listener)

    def publish(self, topic: str, notice: Notice) -> None:
        """Tells all who listen. A listener that fails harms nobody else."""
        self._here.publish(topic, notice)
        self._outbox.put(topic, notice)

    def expect(self, names: Iterable[str]) -> None:
        """These processes live, as is known from elsewhere. Of those that cannot be heard all who listen are
        told each second that they may miss something, for as long as they are expected."""
        self._expected = frozenset(names) - {self._name}
        for name in self._expected:
            self._others.setdefault(name, monotonic())

    async def run(self) -> None:
        """Carries notices until it is cancelled; then what waits is said, with a goodbye."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._say_all())
                tasks.create_task(self._hear_all())
                tasks.create_task(self._look_after())
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL.total_seconds()):
                    await self._say(self._outbox.take(leaving=True))

    async def _say_all(self) -> None:
        while not _is_cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT.total_seconds()):
                    await self._outbox.filled.wait()
            said = await self._say(self._outbox.take())
            await asyncio.sleep((GATHER if said else RETRY).total_seconds())

    async def _say(self, bundle: Bundle) -> bool:
        if bundle.number % TIMED == 0:
            self._timed = (bundle.number, monotonic())
        try:
            await self._publish(self._channel, encode(bundle))
        except Exception as error:
            self._outbox.lose()
            self._lose_touch(error)
            return False
        self._metrics.bundle_sent(len(bundle.notices))
        return True

    async def _hear_all(self) -> None:
        while not _is_cancelled():
            try:
                await self._hear()
            except Exception as error:
                self._lose_touch(error)
            await asyncio.sleep(RETRY.total_seconds())

    async def _hear(self) -> None:
        # The client's patience is the longest that it waits for the next message.
        async with self._pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self._channel)
            async for message in pubsub.listen():
                if _is_cancelled():
                    return
                self._take(message["data"])

    def _take(self, data: bytes) -> None:
        try:
            bundle = decode(data)
        except msgspec.MsgspecError:
            log.warning("something on the channel of notices is none")
            return
        if bundle.sender == self._name:
            self._take_own(bundle)
            return
        self._others[bundle.sender] = monotonic()
        if bundle.leaving:
            del self._others[bundle.sender]
            self._expected -= {bundle.sender}
        self._tell(bundle)

    def _take_own(self, bundle: Bundle) -> None:
        """What was said here came back: Redis is there."""
        was_there, self._heard_at = self.is_there, monotonic()
        if bundle.number == self._timed[0]:
            self._metrics.redis_answered(self._heard_at - self._timed[1])
        if not was_there:
            log.info("Redis is there")
            self._is_in_trouble = False
            self._tell_missed()

    def _tell(self, bundle: Bundle) -> None:
        heard = [(topic, data) for topic, data in bundle.notices if topic in self._here]
        self._metrics.notices_received(len(heard))
        for topic, data in heard:
            try:
                notice = load_notice(data)
            except UnknownNotice:
                log.info("another process says what this version does not know")
                notice = Missed()
            self._here.publish(topic, notice)
        if bundle.lost:
            self._tell_missed()

    async def _look_after(self) -> None:
        told = -inf
        while True:
            await asyncio.sleep(LOOK.total_seconds())
            now = monotonic()
            if now - told >= self._patience(now):
                told = now
                self._tell_missed()

    def _patience(self, now: float) -> float:
        """After how many seconds listeners are told once more that they may miss something."""
        # One more beat than for oneself: theirs and ours are not in step.
        lately = (SILENCE + BEAT).total_seconds()
        silent = {one: now - at for one, at in self._others.items() if now - at > lately}
        for one in [one for one, silence in silent.items() if silence > FORGOTTEN.total_seconds()]:
            if one not in self._expected:
                del self._others[one], silent[one]
        of_late = [one for one, silence in silent.items() if silence < LONG_SILENCE.total_seconds()]
        if not self.is_there or of_late or self._expected & silent.keys():
            return AGAIN.total_seconds()
        return SELDOM.total_seconds() if silent else inf

    def _tell_missed(self) -> None:
        self._metrics.notices_missed()
        self._here.tell_everybody(Missed())

    def _lose_touch(self, error: Exception) -> None:
        if not isinstance(error, AWAY):  # the client was interrupted in what it may not be
            log.error("notices cannot be carried", exc_info=error)
        self._heard_at = -inf
        if not self._is_in_trouble:
            self._is_in_trouble = True
            log.warning("Redis is not there (%s): replies are read from the database", type(error).__name__)


def _is_cancelled() -> bool:
    """Whether this task was asked to end.

    To be asked besides being told: a client that sends something just then swallows that. It sends with
    `asyncio.wait_for`, which before Python 3.12 returns a result that is there in place of being cancelled.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
