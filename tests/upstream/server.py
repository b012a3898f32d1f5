"""The server: a bare asyncio protocol, so that hundreds of streams at 30 tokens/s cost little CPU.

POST /v1/chat/completions   streaming or not
GET  /v1/models
POST /gemini/…/models/…:streamGenerateContent
GET  /gemini/…/models
GET  /health                {"open": streams open now, "requests": how many so far}
POST /log {"ids": [...]} {id: {"outcome", "tokens", "request_ns", "sent_ns": [...]}}, all when no ids are
given
POST /reset                 forgets the log
"""

import asyncio
import contextlib
import json
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

from tests.upstream import gemini, wire
from tests.upstream.knobs import Knobs, knobs_of
from tests.upstream.stream import OPENAI, Stream, now_ns
from tests.upstream.tokens import remaining

MODELS: tuple[dict[str, Any], ...] = (
    {"id": "mock", "object": "model", "created": 1790000000, "owned_by": "tests", "context_length": 32768},
    {"id": "mock-400-30", "object": "model", "created": 1790000000, "owned_by": "tests"},
)
LENGTH = re.compile(rb"(?im)^content-length:\s*(\d+)")


@dataclass(kw_only=True)
class Record:
    """One request for a completion. `outcome` is open, complete, closed (by the client) or a fault's name."""

    body: dict[str, Any]
    headers: dict[str, str]
    knobs: Knobs
    request_ns: int
    path: str = ""
    is_gemini: bool = False
    outcome: str = "open"
    tokens: int = 0
    sent_ns: "array[int]" = field(default_factory=lambda: array("q"))
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_ns: int = 0

    def end(self, outcome: str) -> None:
        """Says how it ended; the first word counts."""
        if not self.ended.is_set():
            self.outcome, self.ended_ns = outcome, now_ns()
            self.ended.set()


class Upstream:
    """A server on a loopback port; `continuation` is prefill (goes on after the given text) or restart."""

    def __init__(
        self,
        *,
        port: int = 0,
        key: str = "",
        models: tuple[dict[str, Any], ...] | None = MODELS,
        continuation: str = "prefill",
    ) -> None:
        self.port = port
        self.key = key
        self.models = models
        self.continuation = continuation
        self.requests: list[Record] = []
        #: Replies without numbers, token by token; a message asks for one with `say`.
        self.replies: dict[str, tuple[str, ...]] = {}
        #: Messages that order without square brackets, for who must not see any: the words -> the order.
        self.orders: dict[str, str] = {}
        #: What it says when it refuses, where a test has words of its own for that.
        self.refusal = ""
        self.model_lists = 0
        self.connections: set[Connection] = set()
        self._failed: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """For `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def gemini_url(self) -> str:
        """For `GEMINI_BASE_URL`."""
        return f"http://127.0.0.1:{self.port}/gemini"

    @property
    def open_streams(self) -> int:
        """Replies that are being sent now."""
        return sum(not record.ended.is_set() for record in self.requests)

    async def start(self) -> None:
        """Listens; a port of 0 becomes a free one, the same again after a stop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuses connections from now on, and resets those that are open."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def fails(self, knobs: Knobs, message: str) -> bool:
        """Whether this try goes wrong; counts the tries of a message."""
        if not knobs.fault:
            return False
        self._failed[message] += 1
        return knobs.tries < 0 or self._failed[message] <= knobs.tries

    def log(self, ids: list[str]) -> dict[str, Any]:
        """What was sent when, by the request's `id` knob."""
        return {
            record.knobs.id or str(at): {
                "outcome": record.outcome,
                "tokens": record.tokens,
                "request_ns": record.request_ns,
                "sent_ns": record.sent_ns.tolist(),
            }
            for at, record in enumerate(self.requests)
            if not ids or record.knobs.id in ids
        }


class Connection(asyncio.Protocol):
    """One client's connection, kept alive between requests."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._record: Record | None = None
        self._stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._upstream.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._upstream.connections.discard(self)
        if self._stream is not None:
            self._stream.stop()
        if self._record is not None:
            self._record.end("closed")

    def abort(self) -> None:
        """Resets the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            head, body = bytes(self._buffer[:end]), bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            self._handle(head.decode("latin-1"), body)

    def _handle(self, head: str, body: bytes) -> None:
        first, *lines = head.split("\r\n")
        path = first.split(" ")[1].partition("?")[0]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if path.endswith("/chat/completions"):
            with contextlib.suppress(asyncio.CancelledError):
                self._complete(headers, json.loads(body))
        elif path.endswith(":streamGenerateContent"):
            self._generate(path, headers, json.loads(body))
        elif path.startswith("/gemini") and path.endswith("/models"):
            self._upstream.model_lists += 1
            self._reply(200, {"models": gemini.MODELS})
        elif path.endswith("/models"):
            self._upstream.model_lists += 1
            models = self._upstream.models
            answer = (
                {"object": "list", "data": models} if models is not None else {"error": {"message": "no"}}
            )
            self._reply(200 if models is not None else 500, answer)
        elif path == "/log":
            self._reply(200, self._upstream.log(json.loads(body or b"{}").get("ids", [])))
        elif path == "/reset":
            self._upstream.requests.clear()
            self._reply(200, {})
        else:
            counts = {"open": self._upstream.open_streams, "requests": len(self._upstream.requests)}
            self._reply(200 if path == "/health" else 404, counts)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _reply(self, status: int, value: object, **headers: str) -> None:
        self._write(wire.plain(status, wire.dumps(value), **headers))

    def _refuse(self, status: int, message: str, code: str = "", after: str = "") -> None:
        if self._record is not None and self._record.is_gemini:
            self._reply(status, gemini.refusal(status, message, after))
        else:
            error = {"message": message, "type": "error", "code": code or None}
            self._reply(status, {"error": error}, **({"retry_after": after} if after else {}))
        if self._record is not None:
            self._record.end(str(status))

    def _complete(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        users = [message["content"] for message in body["messages"] if message["role"] == "user"]
        said = str(users[-1]) if users else ""
        message = self._upstream.orders.get(said, said)
        knobs = knobs_of(str(body.get("model", "")), message)
        record = Record(body=body, headers=headers, knobs=knobs, request_ns=now_ns())
        self._record = record
        self._upstream.requests.append(record)
        if self._upstream.key and headers.get("authorization") != f"Bearer {self._upstream.key}":
            self._refuse(
                401, f"Incorrect API key provided: {headers.get('authorization')}", "invalid_api_key"
            )
        elif body.get("model") == "unknown":
            self._refuse(404, "The model `unknown` does not exist", "model_not_found")
        elif knobs.refuse and knobs.refuse in body:
            self._refuse(400, f"Unrecognized request argument supplied: {knobs.refuse}")
        else:
            self._answer(record, self._upstream.fails(knobs, message))

    def _generate(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
        model = path.rpartition("/models/")[2].partition(":")[0]
        message = gemini.question(body)
        knobs = knobs_of(model, message)
        record = Record(
            body=body, headers=headers, knobs=knobs, request_ns=now_ns(), path=path, is_gemini=True
        )
        self._record = record
        self._upstream.requests.append(record)
        if self._upstream.key and headers.get("x-goog-api-key") != self._upstream.key:
            self._refuse(400, f"{gemini.BAD_KEY} ({headers.get('x-goog-api-key')})")
        elif model == "unknown":
            self._refuse(404, "models/unknown is not found for API version v1")
        elif model.endswith("-words") and body["contents"][-1]["role"] == "model":
            self._refuse(400, gemini.NO_PREFILL)
        elif knobs.refuse and f'"{knobs.refuse}":' in json.dumps(body):
            self._refuse(400, f'Invalid JSON payload received. Unknown name "{knobs.refuse}"')
        else:
            self._answer(record, self._upstream.fails(knobs, message))

    def _answer(self, record: Record, faulty: bool) -> None:
        knobs = record.knobs
        fault = knobs.fault if faulty else ""
        if fault.isdigit():
            code = "context_length_exceeded" if fault == "400" else ""
            words = gemini.TOO_LONG if code and record.is_gemini else f"Fault {fault} as ordered"
            self._refuse(int(fault), self._upstream.refusal or words, code, knobs.after)
        elif fault == "refuse":
            record.end(fault)
            self.abort()
        elif fault == "html":
            self._write(wire.plain(200, wire.HTML, b"text/html"))
            record.end(fault)
        elif fault == "json" or not (record.body.get("stream") or record.is_gemini):
            self._reply(200, self._whole(knobs))
            record.end(fault or "complete")
        else:
            self._play(record, faulty)

    def _whole(self, knobs: Knobs) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(remaining(knobs.n, ""))}
        return {
            "id": "chatcmpl-test",
            "object": "chat.completion",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 11, "completion_tokens": knobs.n, "total_tokens": knobs.n + 11},
        }

    def _play(self, record: Record, faulty: bool) -> None:
        def sent(tokens: int) -> None:
            record.tokens += tokens
            record.sent_ns.extend([now_ns()] * tokens)

        if self._transport is not None:
            self._stream = Stream(
                transport=self._transport,
                knobs=record.knobs,
                steps=self._gemini_steps(record) if record.is_gemini else self._openai_steps(record),
                faulty=faulty,
                damage=gemini.DAMAGE if record.is_gemini else OPENAI,
                sent=sent,
                ended=record.end,
            )
            self._stream.begin()

    def _prefills(self, knobs: Knobs) -> bool:
        return (knobs.cont or self._upstream.continuation) == "prefill"

    def _openai_steps(self, record: Record) -> tuple[bytes, ...]:
        body, knobs = record.body, record.knobs
        last = body["messages"][-1]
        given = last["content"] if last["role"] == "assistant" and self._prefills(knobs) else ""
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 1_000_000
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        replies = self._upstream.replies
        return wire.body(knobs, given, limit, usage, replies.get(knobs.say), replies.get(knobs.think, ()))

    def _gemini_steps(self, record: Record) -> tuple[bytes, ...]:
        body, knobs = record.body, record.knobs
        config = body.get("generationConfig", {})
        given = gemini.given(body) if self._prefills(knobs) else ""
        limit = config.get("maxOutputTokens", 1_000_000)
        thoughts = bool(config.get("thinkingConfig", {}).get("includeThoughts"))
        return gemini.steps(knobs, given, limit, thoughts, self._upstream.replies.get(knobs.say))
