"""A stream ends in any case: its client is gone, does not read, or has read for long enough."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import Message

from chatapp.api import streaming
from chatapp.api.encoders.sse import SseEncoder
from chatapp.api.streaming import MAX_PART_BYTES, RunStream
from chatapp.domain.events import Chunk
from chatapp.services.runs import Idle, Item
from tests.api.asgi import until
from tests.api.encoders.test_native import RUN, logged

LONG = "x" * 10_000


class Client:
    """The server's side of a client, which takes so many parts."""

    def __init__(self, *, takes: int = 10**9) -> None:
        self.parts: list[bytes] = []
        self.ended = False
        self.gone = asyncio.Event()
        self._takes = takes

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            if len(self.parts) >= self._takes:
                await asyncio.Event().wait()
            self.parts.append(message["body"])
            self.ended = not message["more_body"]

    def reads(self, items: AsyncGenerator[Item]) -> asyncio.Task[Any]:
        stream = RunStream(RUN, (), items, SseEncoder())
        return asyncio.create_task(stream({"type": "http"}, self.receive, self.send))


class Items:
    """A run that goes on for ever, and knows how many were asked for."""

    def __init__(self) -> None:
        self.given = 0
        self.is_open = True

    async def all(self, *, pause: float = 0.0) -> AsyncGenerator[Item]:
        try:
            while True:
                self.given += 1
                await asyncio.sleep(pause)
                yield (logged(Chunk(content=LONG), self.given),) if not pause else Idle()
        finally:
            self.is_open = False


async def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, in which no more than one piece is waiting for it."""
    monkeypatch.setattr(streaming, "PATIENCE", timedelta(seconds=0.3))
    client, items = Client(takes=3), Items()
    async with asyncio.timeout(5):
        await client.reads(items.all())
    assert not items.is_open
    assert items.given <= 4
    assert not client.ended


async def test_a_client_that_leaves_ends_its_stream() -> None:
    """Also while nothing happens."""
    client, items = Client(), Items()
    reading = client.reads(items.all(pause=3600))
    await until(lambda: bool(client.parts))
    client.gone.set()
    async with asyncio.timeout(5):
        await reading
    assert not items.is_open


async def test_a_stream_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole answer, so that its client comes back by itself."""
    monkeypatch.setattr(streaming, "LIFETIME", timedelta(seconds=0.2))
    client, items = Client(), Items()
    async with asyncio.timeout(5):
        await client.reads(items.all(pause=0.01))
    assert client.ended
    assert not items.is_open


async def test_what_is_sent_at_once_is_bounded() -> None:
    """A reader who comes late gets the log in pieces."""
    client = Client()

    async def whole() -> AsyncGenerator[Item]:
        yield tuple(logged(Chunk(content=LONG), seq) for seq in range(1, 201))

    await client.reads(whole())
    assert len(client.parts) > 10
    assert max(map(len, client.parts)) < MAX_PART_BYTES + 2 * len(LONG)
    assert b"".join(client.parts).count(b"id: ") == 200
