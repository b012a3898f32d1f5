"""One tab of a browser: a socket, its login cookie, and the state that it was sent so far."""

import asyncio
import socket
import urllib.request
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.wire import packets
from tests.wire.packets import Json, Update

TIMEOUT_S: Final = 10.0


class Closed(Exception):
    """The server closed the socket."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


def guest_cookie(url: str) -> str:
    """A first visit: the cookie of a new guest, as `name=value`."""
    with urllib.request.urlopen(f"{url}/api/enter.js", timeout=TIMEOUT_S) as answer:
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


class Tab:
    """`async with Tab.opened(url, cookie=...) as tab:`, then `hydrate`, `emit`, `until`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        #: State name -> var -> the last value that came.
        self.state: dict[str, dict[str, Json]] = {}
        #: Bytes of updates that came.
        self.received_bytes = 0
        self.events: list[Json] = []
        self.tokens: list[str] = []

    @staticmethod
    @asynccontextmanager
    async def opened(
        url: str,
        *,
        cookie: str | None = None,
        origin: str | None = "",
        token: str | None = "",
        query: str | None = None,
        path: str = "/_event/",
        headers: dict[str, str] | None = None,
        compression: str | None = None,
        host: str = "127.0.0.1",
        max_queue: int | None = 64,
    ) -> AsyncGenerator["Tab"]:
        """An open socket. `origin` and `token` are right by default and left out when None; `query` replaces
        the whole query. Raises `websockets.exceptions.InvalidStatus` when the door stays shut."""
        tokens = "" if token is None else f"&token={token or uuid4()}"
        wanted = f"EIO=4&transport=websocket{tokens}" if query is None else query
        more = dict(headers or {})
        if cookie is not None:
            more["Cookie"] = cookie
        if origin is not None:
            more["Origin"] = origin or url
        port = int(url.rpartition(":")[2])
        async with connect(
            f"ws://localhost:{port}{path}?{wanted}",
            additional_headers=more,
            compression=compression,
            max_size=None,
            max_queue=max_queue,
            ping_interval=None,
            open_timeout=TIMEOUT_S,
            close_timeout=1,
            host=host,
            port=port,
            proxy=None,
        ) as opened:
            yield Tab(opened)

    async def join(self, *, path: str = "/", payload: Json = None, hydrate: bool = True) -> None:
        """Join the namespace, with the hydration in the first packet as the page does; fills `state`."""
        boot = packets.reflex_event(packets.HYDRATE, payload, path=path)
        await self.send_frame(packets.connect({"event": boot} if hydrate else None))
        if hydrate:
            await self.until(lambda: bool(self.state.get(packets.STATE)))

    async def emit(self, name: str, payload: Json = None, *, path: str = "/") -> None:
        """Call a handler."""
        await self.send_frame(packets.event("event", packets.reflex_event(name, payload, path=path)))

    async def send_frame(self, frame: str | bytes) -> None:
        """Anything at all."""
        try:
            await self._socket.send(frame)
        except ConnectionClosed as closed:
            raise Closed(_code(closed)) from None

    async def frame(self, within: float = TIMEOUT_S) -> str:
        """The next frame that is not a ping, which is answered. Raises `Closed`, `TimeoutError`."""
        while True:
            try:
                async with asyncio.timeout(within):
                    frame = await self._socket.recv()
            except ConnectionClosed as closed:
                raise Closed(_code(closed)) from None
            if frame != "2":
                return str(frame)
            await self.send_frame("3")

    async def update(self, within: float = TIMEOUT_S) -> Update:
        """The next update, folded into `state`."""
        while True:
            frame = await self.frame(within)
            found = packets.update_of(frame)
            if found is not None:
                for state, values in found.delta.items():
                    self.state.setdefault(state, {}).update(values)
                self.events.extend(found.events)
                self.received_bytes += found.size
                return found

    async def until(self, condition: Callable[[], bool], within: float = TIMEOUT_S) -> None:
        """Read updates until the condition holds. Raises `TimeoutError`, `Closed`."""
        async with asyncio.timeout(within):
            while not condition():
                await self.update(within)

    async def quiet_for(self, seconds: float) -> list[Update]:
        """The updates that come within this time."""
        found: list[Update] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found.append(await self.update())
        except TimeoutError:
            return found

    def stop_reading(self) -> None:
        """From now on nothing is taken from the network, pings included, and little is kept unread."""
        plain = self._socket.transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]

    async def answers(self) -> bool:
        """Whether the server still answers this socket (the page's own ping event)."""
        await self.send_frame(packets.event("ping"))
        pong = packets.event("ping", "pong").replace(" ", "")
        while (await self.frame()).replace(" ", "") != pong:
            pass
        return True

    async def closed(self, within: float = TIMEOUT_S) -> int:
        """Wait until the server closes the socket; the code."""
        async with asyncio.timeout(within):
            while True:
                try:
                    await self.frame(within)
                except Closed as closed:
                    return closed.code

    def var(self, state: str, name: str) -> Json:
        """A var by the end of its state's name and its own name."""
        states = [values for full, values in self.state.items() if full.endswith(state)]
        assert len(states) == 1, f"{len(states)} states end in {state}"
        return states[0][f"{name}{packets.MARK}"]


def _code(closed: ConnectionClosed) -> int:
    return closed.rcvd.code if closed.rcvd is not None else 1006
