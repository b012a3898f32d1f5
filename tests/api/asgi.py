"""A server's side of ASGI, for tests that talk to the guard without a network."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from starlette.types import Message


class Peer:
    """A websocket client: what it sends the app receives, what the app sends is in `sent`."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        #: Cleared for a client that does not read.
        self.reads = asyncio.Event()
        self.reads.set()
        self.incoming.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.sent.append(message)

    def say(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.sent]

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def close_code(self) -> int | None:
        return next((one["code"] for one in self.sent if one["type"] == "websocket.close"), None)


def socket_scope(**changes: Any) -> dict[str, Any]:
    """The handshake of our own page; `headers` replace or add to its headers (None removes)."""
    headers = {"host": "localhost:8000", "origin": "http://localhost:3000", "cookie": "chatapp_login=good"}
    headers |= changes.pop("headers", {})
    return {
        "type": "websocket",
        "scheme": "ws",
        "path": "/_event/",
        "query_string": f"EIO=4&transport=websocket&token={uuid4()}".encode(),
        "client": ("192.0.2.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value is not None],
        **changes,
    }


class Echo:
    """An app that sends back what it hears, and remembers it."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self.open = 0

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        self.open += 1
        while (message := await receive())["type"] == "websocket.receive":
            self.heard.append(message["text"])
            await send({"type": "websocket.send", "text": message["text"]})
        self.open -= 1
        await send({"type": "websocket.close", "code": 1000})


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for a condition, looking often."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (a condition of somebody else's)
            await asyncio.sleep(0.005)
