"""A program that reads replies over HTTP, with clients that know nothing of ours."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from tests.api.process import ApiServer

Event = dict[str, Any]


@dataclass
class Read:
    """What came, each event with its id ("" for those that have none)."""

    events: list[tuple[str, Event]] = field(default_factory=list)

    @property
    def logged(self) -> list[tuple[int, Event]]:
        """The events that have a place in the log."""
        return [(int(number), event) for number, event in self.events if event["type"] in LOGGED]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for _, event in self.events]

    @property
    def text(self) -> str:
        return "".join(event["content"] for _, event in self.events if event["type"] == "chunk")

    @property
    def places(self) -> list[int]:
        return [event["position"] for _, event in self.events if event["type"] == "queued"]

    @property
    def last_id(self) -> int:
        return self.logged[-1][0]

    @property
    def run_id(self) -> str:
        return self.events[0][1]["run_id"]


LOGGED = {"chunk", "reasoning", "tool_call", "tool_result", "attempt", "error", "done"}


class Program:
    """`async with Program.of(server, "ann") as program:`"""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.token = token

    @staticmethod
    @asynccontextmanager
    async def of(server: ApiServer, name: str) -> AsyncGenerator["Program"]:
        token = await asyncio.to_thread(server.token, name)
        limits = httpx.Limits(max_connections=None)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=server.url, headers=headers, timeout=60, limits=limits, trust_env=False
        ) as client:
            yield Program(client, token)

    async def says(self, message: str, *, into: Read | None = None, **more: str) -> Read:
        """Says something and reads the reply to its end."""
        return await self.reads("POST", "/api/chat/stream", into=into, json={"message": message, **more})

    async def follows(self, run_id: str, *, into: Read | None = None, after: int | None = None) -> Read:
        """Reads a run to its end, as an EventSource that comes back does."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        return await self.reads("GET", f"/api/runs/{run_id}/events", into=into, headers=headers)

    async def reads(self, method: str, path: str, *, into: Read | None = None, **more: Any) -> Read:
        """Reads one stream to its end."""
        read = into if into is not None else Read()
        async with aclosing(self.streams(method, path, **more)) as events:
            async for number, event in events:
                read.events.append((number, event))
        return read

    async def streams(self, method: str, path: str, **more: Any) -> AsyncGenerator[tuple[str, Event]]:
        """The events of one stream, as they come."""
        async with aconnect_sse(self.client, method, path, **more) as source:
            if source.response.status_code != 200:
                await source.response.aread()
                source.response.raise_for_status()
            before = ""
            async for one in source.aiter_sse():
                # What has no id of its own is given the last one's.
                yield (one.id if one.id != before else ""), json.loads(one.data)
                before = one.id
