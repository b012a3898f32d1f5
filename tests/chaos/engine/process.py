"""A real process that runs the services without the web, and may be killed at any moment.

It is forked from a server that has loaded everything already, so that a start costs a tenth of a second.
"""

import asyncio
import contextlib
import multiprocessing
import resource
import signal
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from operator import attrgetter
from typing import Any

from chatapp.bootstrap import open_services
from chatapp.domain.errors import ChatError
from chatapp.domain.messages import Message
from chatapp.domain.runs import Turn
from chatapp.settings import load
from tests.chat import Chat, Follower
from tests.upstream import Upstream
from tests.waiting import until

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload([__name__])


class EngineProcess:
    """What the test sees of the process: it sends, follows, and keeps everything that a reader was shown."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._pipe, theirs = _fork.Pipe()
        self.process = _fork.Process(target=serve, args=(variables, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.ready = False
        self.turns: dict[str, Turn] = {}
        self.errors: dict[str, str] = {}
        self.answers: dict[str, Any] = {}
        self.shown: defaultdict[str, list[str]] = defaultdict(list)
        self.ended: dict[str, Message] = {}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, *values = self._pipe.recv()
                match kind:
                    case "ready":
                        self.ready = True
                    case "turn":
                        self.turns[values[0]] = values[1]
                    case "error":
                        self.errors[values[0]] = values[1]
                    case "answer":
                        self.answers[values[0]] = values[1]
                    case "shown":
                        self.shown[values[0]].append(values[1])
                    case _:
                        self.ended[values[0]] = values[1]

    async def started(self) -> "EngineProcess":
        """Returns when the services are open."""
        await until(lambda: self.ready, seconds=60)
        return self

    def order(self, *command: Any) -> None:
        """Tells the process: send KEY TEXT · follow TURN · call NAME METHOD ARGUMENTS · limit BYTES."""
        with contextlib.suppress(OSError):
            self._pipe.send(command)

    async def sent(self, key: str, text: str) -> Turn:
        """Sends and waits for the answer."""
        self.order("send", key, text)
        await until(lambda: key in self.turns, seconds=10)
        return self.turns[key]

    async def call(self, method: str, **arguments: Any) -> Any:
        """Makes a call of the services, "turns.edit" say, and waits for what it returns."""
        name = f"{method} {len(self.answers)}"
        self.order("call", name, method, arguments)
        await until(lambda: name in self.answers or name in self.errors, seconds=30)
        return self.answers[name]

    async def kill(self) -> None:
        """kill -9; afterwards all that it had said has been heard."""
        self.process.kill()
        await self._gone()

    async def terminate(self) -> int | None:
        """SIGTERM; the exit code."""
        self.process.terminate()
        await self._gone()
        return self.process.exitcode

    async def _gone(self) -> None:
        await asyncio.to_thread(self.process.join, 15)
        await asyncio.to_thread(self._reader.join, 5)
        self._pipe.close()


#: Starts another process on the test's data folder.
Start = Callable[[], Awaitable[EngineProcess]]


def serve(variables: dict[str, str], pipe: Connection) -> None:
    """The process itself, until SIGTERM."""
    asyncio.run(_serve(variables, pipe))


async def _serve(variables: dict[str, str], pipe: Connection) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    async with open_services(load(variables)) as services:
        desk = _Desk(Chat(services, Upstream()), pipe)
        loop.add_reader(pipe.fileno(), desk.obey)
        pipe.send(("ready",))
        await stopped.wait()
        loop.remove_reader(pipe.fileno())


class _Desk:
    """Obeys the test."""

    def __init__(self, chat: Chat, pipe: Connection) -> None:
        self._chat, self._pipe = chat, pipe
        self._tasks: set[asyncio.Task[None]] = set()

    def obey(self) -> None:
        command, *values = self._pipe.recv()
        deeds: dict[str, Callable[..., Any]] = {
            "send": self._send,
            "follow": self._follow,
            "call": self._call,
        }
        if command == "limit":
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (values[0] or hard, hard))
        else:
            task = asyncio.create_task(deeds[command](*values))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, key: str, text: str) -> None:
        try:
            turn = await self._chat.send(text, to=key, key=key)
        except Exception as error:
            self._pipe.send(("error", key, type(error).__name__))
        else:
            self._pipe.send(("turn", key, turn))
            await self._follow(turn)

    async def _call(self, name: str, method: str, arguments: dict[str, Any]) -> None:
        try:
            call = attrgetter(method)(self._chat.services)
            answer = await call(self._chat.who, **arguments)
        except ChatError as error:
            self._pipe.send(("error", name, type(error).__name__))
        else:
            self._pipe.send(("answer", name, answer))

    async def _follow(self, turn: Turn) -> None:
        reader = _Reporting(self._chat, turn, self._pipe)
        await reader.open()
        await until(lambda: reader.ended, seconds=60)
        self._pipe.send(("ended", turn.message_id, await self._chat.reply(turn)))


class _Reporting(Follower):
    """A reader whose every picture is known to the test, even if this process dies right after it."""

    def __init__(self, chat: Chat, turn: Turn, pipe: Connection) -> None:
        super().__init__(chat, turn)
        self._pipe, self._message_id = pipe, turn.message_id

    def _show(self, snapshot: Any) -> None:
        super()._show(snapshot)
        self._pipe.send(("shown", self._message_id, snapshot.message.text))
