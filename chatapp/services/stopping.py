"""What is said before the end: a server that is asked to end cuts its open sockets at once."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Final

#: For goodbyes: supervisors wait 10 s and more, and whoever does not read is not waited for.
LAST_WORDS: Final = timedelta(seconds=1)
#: What has been said is still on its way through the server's own buffers.
ON_ITS_WAY: Final = timedelta(milliseconds=50)
#: Some servers run their loop anew once the app has started, and uvloop then listens for signals anew: so
#: often it is looked whether it is still we who hear.
LOOK_AGAIN: Final = timedelta(milliseconds=100)
_ENDS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
#: Held while somebody hears: a process is asked to end once.
_HEARD: Final = threading.Lock()


@contextmanager
def told_to_end(tell: Callable[[], None], left: Callable[[], Awaitable[None]]) -> Generator[None]:
    """Calls `tell` as soon as the process is asked to end. The server itself hears of it when everybody has
    `left`, or after `LAST_WORDS`: its sockets would be gone otherwise before they could say why.

    A second signal goes to the server at once.
    """
    if threading.current_thread() is not threading.main_thread() or not _HEARD.acquire(blocking=False):
        yield
        return
    relay = _Relay(tell, left)
    relay.open()
    try:
        yield
    finally:
        relay.close()
        _HEARD.release()


class _Relay:
    """Stands where an event loop hears of signals: the descriptor to which Python writes their numbers, see
    `signal.set_wakeup_fd`. What is written to the loop's own is a signal for it, now or later."""

    def __init__(self, tell: Callable[[], None], left: Callable[[], Awaitable[None]]) -> None:
        self._tell: Callable[[], None] = tell
        self._left: Callable[[], Awaitable[None]] = left
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._sockets: ExitStack = ExitStack()
        self._own: int = -1
        self._loops_own: int = -1
        self._looking: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Hears of all signals from now on."""
        read, write = (self._sockets.enter_context(one) for one in socket.socketpair())
        for one in (read, write):
            one.setblocking(False)
        self._own = write.fileno()
        self._loop.add_reader(read, self._hear, read)
        self._sockets.callback(self._loop.remove_reader, read)
        self._stand()

    def close(self) -> None:
        """The loop hears of signals itself again."""
        if self._ending is not None:
            self._ending.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self._stands():
            with suppress(OSError, ValueError):  # the loop that had it is gone
                signal.set_wakeup_fd(-1)
                signal.set_wakeup_fd(self._loops_own)
        self._sockets.close()

    def _hear(self, read: socket.socket) -> None:
        for number in read.recv(4096):
            if number in _ENDS and self._ending is None:
                self._ending = asyncio.create_task(self._end(number))
            else:
                self._hand_on(number)

    async def _end(self, number: int) -> None:
        self._tell()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS.total_seconds()):
                await self._left()
                await asyncio.sleep(ON_ITS_WAY.total_seconds())
        self._hand_on(number)

    def _hand_on(self, number: int) -> None:
        if not self._stands():
            # Whoever hears of signals now has not heard of this one.
            os.kill(os.getpid(), number)
        elif self._loops_own >= 0:
            os.write(self._loops_own, bytes([number]))

    def _stand(self) -> None:
        """Takes the place of the loop's own descriptor, whichever that is now."""
        before = signal.set_wakeup_fd(self._own, warn_on_full_buffer=False)
        if before != self._own:
            self._loops_own = before
        self._looking = self._loop.call_later(LOOK_AGAIN.total_seconds(), self._stand)

    def _stands(self) -> bool:
        """Whether it is still we who hear: a loop that is run anew may have brought another descriptor."""
        now = signal.set_wakeup_fd(self._own, warn_on_full_buffer=False)
        if now != self._own:
            signal.set_wakeup_fd(now)
        return now == self._own
