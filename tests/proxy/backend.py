"""A server that tells what it was asked: what Caddy makes of a request can be seen in no other way."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

#: Far above what Caddy lets through.
_MAX_BODY: Final = 1 << 30


class Backend:
    """Answers each path with what it saw of the request; `/api/chat/stream` with events on demand; a socket
    with its name, and then with what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        #: Given when it is started first, and kept.
        self.port = 0
        #: What was asked, without Caddy's own questions.
        self.asked: list[str] = []
        #: An event for each item that the test puts in; None ends the stream.
        self.events: asyncio.Queue[str | None] = asyncio.Queue()
        #: Whether the stream's reader went before its end.
        self.was_left = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/api/live", self._live)
        app.router.add_route("*", "/api/chat/stream", self._stream)
        app.router.add_route("*", "/{path:.*}", self._tell)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive")

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade") == "websocket":
            return await self._socket(request)
        body = await request.read()
        self.asked.append(request.path)
        seen: dict[str, Any] = {
            "backend": self.name,
            "path": request.path_qs,
            "headers": dict(request.headers),
            "bytes": len(body),
            "padding": "x" * int(request.query.get("padding", "0")),
        }
        return web.json_response(seen)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(self.name)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        try:
            while (event := await self.events.get()) is not None:
                await answer.write(f"data: {event}\n\n".encode())
        except (asyncio.CancelledError, ConnectionError):
            self.was_left.set()
            raise
        return answer
