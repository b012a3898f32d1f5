"""People who chat through a program that is as patient as a good client: it asks again, and reads on."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Self
from uuid import uuid4

import httpx
from httpx_sse import EventSource

#: A line on which nothing came for so long is given up; on a quiet one a comment comes every second.
SILENCE_S: Final = 4.0
#: Answers that say "later", or "somebody behind me is not there". Any other one than 200 is a failure.
LATER: Final = frozenset({429, 502, 503, 504})
PAUSE_S: Final = 0.1


class Refused(Exception):
    """The door answered in a way that a client cannot make good."""


@dataclass(kw_only=True)
class Reply:
    """What was said, and everything that its reader was told of the answer."""

    said: str
    conversation_id: str
    key: str = field(default_factory=lambda: uuid4().hex)
    run_id: str = ""
    message_id: str = ""
    seq: int = 0
    text: str = ""
    status: str = ""
    #: Of the attempts that a reader was told of.
    seams: list[str] = field(default_factory=list)
    #: When something new came; the first time is that of the send.
    times: list[float] = field(default_factory=lambda: [monotonic()])
    #: What doors said instead, and how lines ended.
    trouble: list[str] = field(default_factory=list)

    def silence_after(self, moment: float) -> float:
        """The longest time after the moment in which nothing new came."""
        spans = itertools.pairwise([*self.times, self.times[-1]])
        return max((end - max(begin, moment) for begin, end in spans if end > moment), default=0.0)

    def hear(self, seq: str, event: dict[str, Any]) -> None:
        """Takes in what came; fails on what must not come."""
        # Where others are in the queue is no part of the log, and has no place in it.
        if seq and event["type"] != "queued":
            assert int(seq) > self.seq, f"{event} ({seq}) came after {self.seq}"
            self.seq = int(seq)
        assert not self.status, f"{event} came after the end"
        match event["type"]:
            case "session":
                assert self.run_id in ("", event["run_id"]), "one message became two turns"
                self.run_id, self.message_id = event["run_id"], event["message_id"]
            case "chunk":
                self.text += event["content"]
                self.times.append(monotonic())
            case "attempt":
                self.seams.append(event["reason"])
                self.text = self.text[: event["keep_chars"]]
            case "done":
                self.status = event["status"]
                self.times.append(monotonic())
            case _:
                pass


class Person:
    """A guest with a token, who knows several doors and takes the next one when one is shut."""

    def __init__(self, doors: Sequence[str], *, first: int = 0, client: httpx.AsyncClient) -> None:
        self._doors, self._at, self._client = doors, first, client
        self._headers: dict[str, str] = {}

    async def arrived(self) -> Self:
        """Gets a token, whatever stands in the way."""
        while not self._headers:
            try:
                answer = await self._client.post(self._url("/api/token"), json={"name": "ann"})
                if self._is_open(answer):
                    self._headers["Authorization"] = f"Bearer {answer.json()['token']}"
            except httpx.HTTPError as error:
                await self._next(repr(error))
        return self

    async def reads(self, reply: Reply) -> None:
        """Sends it until it is accepted, and reads it until its end; or goes on with it where it was."""
        while not reply.status:
            try:
                await self._listen(reply)
            except httpx.HTTPError as error:
                await self._next(repr(error), reply)

    async def get(self, path: str) -> Any:
        """What is there for this person."""
        while True:
            try:
                answer = await self._client.get(self._url(path), headers=self._headers)
                if self._is_open(answer):
                    return answer.json()
                await self._next(f"{answer.status_code}")
            except httpx.HTTPError as error:
                await self._next(repr(error))

    async def is_told_nothing_of(self, reply: Reply) -> bool:
        """Whether somebody else's reply is not there for this person."""
        answer = await self._client.get(
            self._url(f"/api/runs/{reply.run_id}/events"), headers=self._headers, timeout=20
        )
        return answer.status_code == 404

    async def _listen(self, reply: Reply) -> None:
        """One line, to its end."""
        async with self._opened(reply) as answer:
            if not self._is_open(answer):
                await answer.aread()
                await self._next(f"{answer.status_code} {answer.json().get('code')}", reply)
                return
            async for event in EventSource(answer).aiter_sse():
                if event.data:
                    reply.hear(event.id, json.loads(event.data))
        if not reply.status:
            await self._next("the stream ended before the reply did", reply)

    def _opened(self, reply: Reply) -> Any:
        if not reply.run_id:
            body = {"message": reply.said, "session_id": reply.conversation_id, "client_key": reply.key}
            return self._client.stream(
                "POST", self._url("/api/chat/stream"), json=body, headers=self._headers
            )
        headers = {**self._headers, "Last-Event-ID": str(reply.seq)}
        return self._client.stream("GET", self._url(f"/api/runs/{reply.run_id}/events"), headers=headers)

    def _url(self, path: str) -> str:
        return f"{self._doors[self._at % len(self._doors)]}{path}"

    async def _next(self, why: str, reply: Reply | None = None) -> None:
        if reply is not None:
            reply.trouble.append(why)
        self._at += 1
        await asyncio.sleep(PAUSE_S)

    def _is_open(self, answer: httpx.Response) -> bool:
        if answer.status_code not in LATER and answer.status_code != 200:
            raise Refused(f"{answer.request.method} {answer.request.url}: {answer.status_code}")
        return answer.status_code == 200


def client(verify: Any = True) -> httpx.AsyncClient:
    """For many people at once."""
    limits = httpx.Limits(max_connections=None)
    timeout = httpx.Timeout(SILENCE_S, pool=None)
    return httpx.AsyncClient(verify=verify, trust_env=False, limits=limits, timeout=timeout)
