"""A process that is asked to end: `python -m tests.services.stopping_process uvloop before at-once 60`.

It says in one word each what happens. It is given the event loop; when the server takes the place where
signals are heard; when those who are told of the end leave, and for how many seconds they are waited for. It
ends when the server has heard twice: once while somebody is to be told first, once when that is over.
"""

import asyncio
import signal
import sys
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import uvloop

from chatapp.services import stopping
from chatapp.services.stopping import LOOK_AGAIN, told_to_end


class Process:
    """A server's loop with what is said before its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, taken: str, leave: str) -> None:
        self._loop, self._taken, self._leave = loop, taken, leave
        self._open = ExitStack()
        self._heard = asyncio.Event()

    def run(self) -> None:
        """Some servers run their loop once until the app has started, and anew to serve."""
        if self._taken != "after":
            self._listen()
        if self._taken == "anew":
            self._loop.run_until_complete(self._starts())
            self._loop.run_until_complete(self._serves())
        else:
            self._loop.run_until_complete(self._starts_and_serves())

    async def _starts_and_serves(self) -> None:
        await self._starts()
        await self._serves()

    async def _starts(self) -> None:
        self._open.enter_context(told_to_end(partial(say, "told"), self._left))
        if self._taken == "after":
            self._listen()

    async def _serves(self) -> None:
        # Whoever took the place meanwhile has had it for long enough.
        await asyncio.sleep(4 * LOOK_AGAIN.total_seconds())
        say("ready")
        await self._heard.wait()
        self._open.close()
        self._heard.clear()
        say("closed")
        await self._heard.wait()

    def _listen(self) -> None:
        self._loop.add_signal_handler(signal.SIGTERM, self._hears)

    def _hears(self) -> None:
        say("server")
        self._heard.set()

    async def _left(self) -> None:
        if self._leave == "never":
            await asyncio.Event().wait()
        say("left")


def say(word: str) -> None:
    print(word, flush=True)


if __name__ == "__main__":
    kind, taken, leave, patience = sys.argv[1:]
    stopping.LAST_WORDS = timedelta(seconds=float(patience))
    new_loop = uvloop.new_event_loop() if kind == "uvloop" else asyncio.new_event_loop()
    asyncio.set_event_loop(new_loop)
    Process(new_loop, taken=taken, leave=leave).run()
