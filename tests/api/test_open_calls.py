"""What an address has open at once is bounded: streams, replies that are waited for, any call of the API."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.api.conftest import Serving
from tests.api.openai_sdk import Programs, programs_of, upstream
from tests.upstream import Upstream
from tests.waiting import eventually

__all__ = ["upstream"]

#: Being made until it is stopped.
HELD = "[n:60 fault:hang at:20]"
#: As many as one address may have open where one socket is allowed.
MOST = 5


@pytest.fixture
async def programs(serving: Serving, upstream: Upstream) -> AsyncGenerator[Programs]:
    """Behind a proxy, so that a header says from which address somebody comes."""
    async with programs_of(
        serving, upstream, MAX_CONNECTIONS_PER_IP="1", TRUSTED_PROXY_HOPS="1", MAX_STREAMS_PER_USER="50"
    ) as opened:
        yield opened


class Somewhere:
    """Calls from one address."""

    def __init__(self, programs: Programs, address: str) -> None:
        self._url, self._address, self._token = programs.api.url, address, programs.key()
        self.lines: list[asyncio.StreamWriter] = []

    async def opens(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Has a call open on a line of its own, without reading on."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"X-Forwarded-For: {self._address}",
            f"Authorization: Bearer {self._token}",
            "Content-Type: application/json",
            f"Content-Length: {len(sent)}",
        ]
        _, line = await asyncio.open_connection("127.0.0.1", httpx.URL(self._url).port)
        line.write("\r\n".join([*head, "", ""]).encode() + sent)
        self.lines.append(line)

    def vanishes(self, how: str) -> None:
        """All lines are gone, with a goodbye or without."""
        for line in self.lines:
            if how == "reset":
                peer: socket.socket = line.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.transport.abort()
            else:
                line.close()
        self.lines.clear()

    async def asks(self, path: str = "/api/sessions") -> httpx.Response:
        headers = {"X-Forwarded-For": self._address, "Authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, trust_env=False) as client:
            return await client.get(path)

    async def is_refused(self) -> bool:
        return (await self.asks()).status_code == 429

    async def is_let_in(self) -> bool:
        return (await self.asks()).status_code == 200

    async def all_is_free(self) -> bool:
        return {one.status_code for one in await asyncio.gather(*(self.asks() for _ in range(MOST)))} == {200}

    async def opens_all(self) -> None:
        """One of each kind that takes as long as a reply."""
        said = {"message": HELD, "session_id": "held"}
        asked = {"model": "default", "messages": [{"role": "user", "content": HELD}]}
        await self.opens("POST", "/api/chat/stream", said | {"client_key": "one"})
        await self.opens("POST", "/api/chat", said | {"client_key": "one"})
        await self.opens("POST", "/api/chat/stream", said | {"client_key": "two"})
        await self.opens("POST", "/v1/chat/completions", asked | {"stream": True})
        await self.opens("POST", "/v1/chat/completions", asked)
        assert len(self.lines) == MOST


async def test_an_address_has_so_many_calls_open(programs: Programs) -> None:
    """Whoever they are; others come in. The refusal says that later it may work."""
    ann, bo = Somewhere(programs, "192.0.2.1"), Somewhere(programs, "192.0.2.1")
    away = Somewhere(programs, "192.0.2.2")
    await ann.opens_all()
    await eventually(ann.is_refused, seconds=30)
    refused = await bo.asks()
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many"
    assert int(refused.headers["retry-after"]) >= 1
    openais = await bo.asks("/v1/models")
    assert (openais.status_code, openais.json()["error"]["type"]) == (429, "rate_limit_error")
    assert openais.headers["retry-after"] == refused.headers["retry-after"]
    # A monitor on the same machine is not kept out.
    assert (await bo.asks("/api/live")).status_code == 200
    assert await away.is_let_in()
    ann.vanishes("reset")
    await eventually(bo.is_let_in, seconds=30)


@pytest.mark.parametrize("how", ["reset", "closed"])
async def test_who_vanishes_is_not_counted_any_more(programs: Programs, how: str) -> None:
    """Again and again: no place is lost."""
    ann = Somewhere(programs, "192.0.2.1")
    for _ in range(2):
        await ann.opens_all()
        await eventually(ann.is_refused, seconds=30)
        ann.vanishes(how)
        await eventually(ann.all_is_free, seconds=30)
