"""One user of the benchmark: a raw websocket that does what the page does, and stamps what arrives."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp

from bench.reading import LAST, Frame
from bench.stage import MODEL
from tests.wire import packets

SEND = "reflex___state____state.chatapp___ui___chat____chat.send"
CONNECT_TIMEOUT_S = 60.0


@dataclass(kw_only=True)
class User:
    """Opens the page of a conversation, sends one message, reads until the reply has ended.

    Args:
        url: of the app.
        cookie: the login, as `name=value`.
        conversation_id: an existing conversation of this login, or a new id.
        message: what is sent.
    """

    url: str
    cookie: str
    conversation_id: str
    message: str
    frames: list[Frame] = field(default_factory=list)
    sent_ns: int = 0
    ended_ns: int = 0
    error: str = ""

    async def connect(self, http: aiohttp.ClientSession) -> None:
        """Opens the page and waits until it is filled."""
        self._path = f"/c/{self.conversation_id}"
        query = f"?EIO=4&transport=websocket&token={uuid4()}"
        headers = {"Cookie": self.cookie, "Origin": self.url}
        self._socket = await http.ws_connect(f"{self.url}/_event/{query}", headers=headers, max_msg_size=0)
        boot = packets.reflex_event(packets.HYDRATE, path=self._path)
        await self._socket.send_str(packets.connect({"event": boot}))
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            while not (frame := await self._next()) or '"delta"' not in frame.data:
                pass

    async def run(self, *, delay: float, patience: float) -> None:
        """Sends after `delay` seconds and reads until the end, for `patience` seconds at most."""
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.keep_alive(), delay)
            async with asyncio.timeout(patience):
                await self._send()
                while self.ended_ns == 0:
                    frame = await self._next()
                    if frame is None:
                        continue
                    self.frames.append(frame)
                    if LAST.search(frame.data):
                        self.ended_ns = frame.at_ns
        except TimeoutError:
            self.error = "timeout"
        except ConnectionError as error:
            self.error = str(error)

    async def close(self) -> None:
        """Closes the tab."""
        await self._socket.close()

    async def keep_alive(self) -> None:
        """Answers pings while the user waits; ends when it is cancelled."""
        while True:
            await self._next()

    async def _send(self) -> None:
        payload = {
            "key": uuid4().hex,
            "conversation_id": self.conversation_id,
            "text": self.message,
            "model": MODEL,  # the page always says which one it shows
        }
        event = packets.reflex_event(SEND, payload, path=self._path)
        self.sent_ns = time.monotonic_ns()
        await self._socket.send_str(packets.event("event", event))

    async def _next(self) -> Frame | None:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"the server hung up ({message.data})")
        if message.data == "2":
            await self._socket.send_str("3")
            return None
        return Frame(at_ns=time.monotonic_ns(), data=message.data)


def refusal(frames: list[Frame]) -> str:
    """What the app said when it refused the message, or ""."""
    for frame in frames:
        if '"refused' in frame.data:
            for state in json.loads(frame.data[frame.data.index("[") :])[1]["delta"].values():
                if said := (state.get(f"refused{packets.MARK}") or {}).get("message"):
                    return str(said)
    return ""
