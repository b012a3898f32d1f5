"""The server dies or is restarted in mid-reply, beneath programs: they come back, and nothing is lost or
doubled. Readers of server-sent events are in test_streams.py."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.one_server import server, upstream
from tests.api.openai_sdk import ask, broken_off, chunks_of, said, stream, user
from tests.api.process import ApiServer
from tests.upstream import Upstream, text
from tests.waiting import until

__all__ = ["server", "upstream"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

GO = "Go [n:150 r:50]"
HOWS = ["kill -9", "SIGTERM"]

SETTINGS: dict[str, str] = {}


async def ended(server: ApiServer, how: str) -> None:
    await asyncio.to_thread(server.kill if how == "kill -9" else server.terminate)


@asynccontextmanager
async def sdk_of(server: ApiServer) -> AsyncGenerator[AsyncOpenAI]:
    key = await asyncio.to_thread(server.token, "ann")
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=60) as sdk:
        yield sdk


class Heard:
    """What came over a socket, over several of them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def hears(self, socket: ClientConnection) -> None:
        """To the end of the reply, or of the socket."""
        try:
            async for frame in socket:
                self.events.append(json.loads(frame))
                if self.events[-1]["type"] == "done":
                    return
        except ConnectionClosed:
            return

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for event in self.events if "seq" in event]

    @property
    def text(self) -> str:
        return "".join(event["content"] for event in self.events if event["type"] == "chunk")


@pytest.mark.parametrize("how", HOWS)
async def test_a_socket_goes_on_where_it_was(server: ApiServer, how: str) -> None:
    heard, token = Heard(), await asyncio.to_thread(server.token, "ann")
    url = f"{server.url.replace('http', 'ws', 1)}/ws/chat/mine?token={token}"
    async with connect(url) as socket:
        await socket.send(json.dumps({"message": GO}))
        hearing = asyncio.create_task(heard.hears(socket))
        await until(lambda: len(heard.text) > 100, seconds=60)
        await ended(server, how)
        await hearing
    assert text(150).startswith(heard.text)
    assert len(heard.text) < len(text(150))
    await asyncio.to_thread(server.start)
    async with connect(url) as socket:
        resume = {"type": "resume", "run_id": heard.events[0]["run_id"], "after": heard.seqs[-1]}
        await socket.send(json.dumps(resume))
        await heard.hears(socket)
    assert heard.text == text(150)
    assert heard.seqs == sorted(set(heard.seqs))
    assert [event["type"] for event in heard.events].count("done") == 1
    assert heard.events[-1]["status"] == "complete"


@pytest.mark.parametrize("how", HOWS)
async def test_an_sdk_with_a_key_has_the_whole_reply(server: ApiServer, how: str) -> None:
    """Its stream does not look like a whole one; what waits for the whole reply is told as well."""
    once = {"Idempotency-Key": "once"}
    async with sdk_of(server) as sdk:
        chunks = aiter(await stream(sdk, user(GO), extra_headers=once))
        waiting = asyncio.create_task(ask(sdk, user(GO), extra_headers=once))
        began = ""
        while len(began) < 100:
            began += said([await anext(chunks)])
        await ended(server, how)
        rest, cut = await broken_off(chunks)
        with pytest.raises(openai.APIError) as unanswered:
            await waiting
        if how == "SIGTERM":
            assert cut.message == "The server is being restarted. Please try again in a moment."
            assert isinstance(unanswered.value, openai.InternalServerError)
            assert unanswered.value.status_code == 503
        else:
            assert isinstance(cut, openai.APIConnectionError)
            assert isinstance(unanswered.value, openai.APIConnectionError)
        assert text(150).startswith(began + rest)
        with pytest.raises(openai.APIConnectionError):
            await sdk.models.list()
        await asyncio.to_thread(server.start)
        assert said(await chunks_of(sdk, user(GO), extra_headers=once)) == text(150)
        whole = await ask(sdk, user(GO), extra_headers=once)
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (text(150), "stop")


async def test_a_second_attempt_with_other_words_is_had_by_its_key(
    server: ApiServer, upstream: Upstream
) -> None:
    """Streamed from the beginning, with nothing of the first one's."""
    once = {"Idempotency-Key": "once"}
    upstream.replies["words"] = ("First ", "words", *[" of many"] * 500)
    async with sdk_of(server) as sdk:
        chunks, began = aiter(await stream(sdk, user("Go [say:words r:4]"), extra_headers=once)), ""
        while "words" not in began:
            began += said([await anext(chunks)])
        upstream.replies["words"] = ("First of all, ", "quite other ones.")
        await ended(server, "kill -9")
        assert isinstance((await broken_off(chunks))[1], openai.APIConnectionError)
        await asyncio.to_thread(server.start)
        again = await chunks_of(sdk, user("Go [say:words r:4]"), extra_headers=once)
        assert said(again) == "First of all, quite other ones."
