"""A conversation over a WebSocket: the events of streams, and what a program says meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.types import Message
from starlette.websockets import WebSocketState

from chatapp.api.asking import socket_asker
from chatapp.api.encoders import native
from chatapp.api.encoders.base import EncodedOnce
from chatapp.api.errors import in_words
from chatapp.api.guarded_socket import NORMAL, POLICY_VIOLATION, TRY_LATER
from chatapp.api.routes.saying import Answering, say
from chatapp.api.schemas.socket import Cancel, Resume, Say, frame_of
from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, Invalid
from chatapp.domain.events import Done, Logged
from chatapp.services.runs import STOPPING, Idle, Item, Queued, RunInfo

#: A socket on which nothing is said or read is closed after this: its client is gone, or asleep.
IDLE: Final = timedelta(hours=1)
#: Frames that cannot be read, until a client is taken for one that will not learn.
MAX_WRONG_FRAMES: Final = 20


def socket_routes(behind: Callable[[], Answering]) -> APIRouter:
    """The route; `behind` is asked at each connection: services open after the app was made."""
    routes = APIRouter()
    encode = EncodedOnce(_encoded)

    @routes.websocket("/ws/chat/{session_id}")
    async def chat(websocket: WebSocket, session_id: str) -> None:
        """Says and hears everything in one conversation. Leaving stops no reply."""
        await websocket.accept()
        await _Line(websocket, session_id, behind(), encode).serve()

    return routes


class _Line:
    """One open socket."""

    def __init__(
        self, websocket: WebSocket, conversation_id: str, services: Answering, encode: EncodedOnce
    ) -> None:
        self._websocket: WebSocket = websocket
        self._conversation_id: str = conversation_id
        self._services: Answering = services
        self._encode: EncodedOnce = encode
        self._asker: Principal = socket_asker(websocket)
        self._readers: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Hears and answers until one of the two leaves."""
        runs = self._services.runs
        hearing, stopping = asyncio.create_task(self._hear()), asyncio.create_task(runs.closed())
        with runs.line():
            try:
                await asyncio.wait({hearing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                code, why = (TRY_LATER, STOPPING) if stopping.done() else hearing.result()
            finally:
                tasks: list[asyncio.Task[Any]] = [hearing, stopping, *self._readers.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            if self._websocket.client_state is WebSocketState.CONNECTED:
                await self._websocket.close(code, why)

    async def _hear(self) -> tuple[int, str]:
        """Heeds what is said; returns why it ends."""
        wrong = 0
        while wrong <= MAX_WRONG_FRAMES:
            try:
                async with asyncio.timeout(IDLE.total_seconds()):
                    message = await self._websocket.receive()
            except TimeoutError:
                if self._readers:
                    continue
                return NORMAL, "Nothing was said for a long time."
            if message["type"] != "websocket.receive":
                return NORMAL, ""
            try:
                await self._heed(_frame(message))
            except ValueError as error:
                wrong += 1
                await self._refuse(Invalid(_what_is_wrong(error)))
            except ChatError as error:
                await self._refuse(error)
        return POLICY_VIOLATION, "Too many frames that cannot be read."

    async def _heed(self, frame: Cancel | Resume | Say) -> None:
        match frame:
            case Say():
                turn = await say(self._services, self._asker, frame, session_id=self._conversation_id)
                self._read(turn.run_id, 0)
            case Resume():
                self._read(frame.run_id, frame.after)
            case Cancel():
                for run_id in [frame.run_id] if frame.run_id else list(self._readers):
                    await self._services.runs.cancel(self._asker, run_id)

    def _read(self, run_id: str, after: int) -> None:
        """Sends the run's events from now on; from this cursor, if they are sent already."""
        if (before := self._readers.get(run_id)) is not None:
            before.cancel()
        self._readers[run_id] = reader = asyncio.create_task(self._send_run(run_id, after))
        reader.add_done_callback(lambda _: self._forget(run_id, reader))

    def _forget(self, run_id: str, reader: asyncio.Task[None]) -> None:
        if self._readers.get(run_id) is reader:
            del self._readers[run_id]

    async def _send_run(self, run_id: str, after: int) -> None:
        runs = self._services.runs
        last: Item = ()
        try:
            run = await runs.run(self._asker, run_id)
            async with aclosing(runs.events(self._asker, run_id, after=after)) as items:
                await self._tell(native.session(run))
                async for item in items:
                    await self._send_item(run, item)
                    last = item or last
        except ChatError as error:
            await self._refuse(error, run_id=run_id)
            return
        if not (runs.is_closed or run.status.is_final or _is_end(last)):
            await self._refuse(await runs.why_cut(self._asker, run_id), run_id=run_id)

    async def _send_item(self, run: RunInfo, item: Item) -> None:
        match item:
            case Queued():
                await self._tell(native.queued(item) | {"run_id": run.id})
            case Idle():
                return  # the server's own pings keep the line open
            case _:
                for record in item:
                    if frame := self._encode(run, record):
                        await self._websocket.send_text(frame.decode())

    async def _refuse(self, error: ChatError, **more: str) -> None:
        await self._tell(native.error(error.code, error.message) | more)

    async def _tell(self, event: native.Event) -> None:
        await self._websocket.send_text(native.dump(event))


def _frame(message: Message) -> Cancel | Resume | Say:
    text = message.get("text")
    if text is None:
        raise ValueError("This wants text, and no bytes.")
    return frame_of(text)


def _encoded(run: RunInfo, record: Logged) -> bytes:
    event = native.of_record(record)
    return native.dump(event | {"seq": record.seq, "run_id": run.id}).encode() if event is not None else b""


def _what_is_wrong(error: ValueError) -> str:
    return in_words(error.errors()) if isinstance(error, ValidationError) else str(error)


def _is_end(item: Item) -> bool:
    return isinstance(item, tuple) and bool(item) and isinstance(item[-1].event, Done)
