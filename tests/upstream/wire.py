"""Bytes of the wire format: chunks of a completion as server-sent events, and HTTP's framing of them."""

import json
from functools import lru_cache
from typing import Any

from tests.upstream.knobs import Knobs
from tests.upstream.tokens import remaining, rest

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Captive portal</body></html>\n"
REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    429: b"Too Many Requests",
}


def plain(status: int, body: bytes, kind: bytes = b"application/json", **headers: str) -> bytes:
    """A whole answer that is no stream."""
    extra = b"".join(f"{name.replace('_', '-')}: {value}\r\n".encode() for name, value in headers.items())
    return b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n%s" % (
        status,
        REASONS.get(status, b"Error"),
        kind,
        len(body),
        extra,
        body,
    )


def dumps(value: object) -> bytes:
    """Compact JSON with its characters as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def framed(data: bytes) -> bytes:
    """One chunk of HTTP's chunked coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def completion(choices: list[dict[str, Any]], **more: object) -> dict[str, object]:
    """A chunk of a completion."""
    head = {"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1790000000, "model": "mock"}
    return {**head, "choices": choices, **more}


def delta(content: dict[str, Any], finish: str | None = None) -> dict[str, object]:
    """A chunk that adds something."""
    return completion([{"index": 0, "delta": content, "logprobs": None, "finish_reason": finish}])


def event(value: dict[str, object] | bytes, style: str) -> bytes:
    """One server-sent event in one of the ways that servers write them."""
    data = value if isinstance(value, bytes) else dumps(value)
    if style == "multiline" and not isinstance(value, bytes):
        data = json.dumps(value, indent=1, ensure_ascii=False).encode()
    lead = b"data:" if style == "nospace" else b"data: "
    written = b"".join(lead + line + b"\n" for line in data.split(b"\n")) + b"\n"
    if style == "comments":
        written = (
            b": ping\n\n" + written + b": OPENROUTER PROCESSING\n\nid: 7\nevent: message\nretry: 100\n\n"
        )
    ends = {"crlf": b"\r\n", "cr": b"\r"}
    return written.replace(b"\n", ends[style]) if style in ends else written


@lru_cache(maxsize=64)
def body(
    knobs: Knobs,
    given: str,
    limit: int,
    include_usage: bool,
    said: tuple[str, ...] | None = None,
    thought: tuple[str, ...] = (),
) -> tuple[bytes, ...]:
    """The events of a whole reply, one a step, the last one with all that ends it. `said` and `thought` are
    the tokens of a reply that has no numbers.
    """
    style = knobs.chunk
    words = remaining(knobs.n, given) if said is None else rest(said, given)
    cut = len(words) > limit
    words = words[:limit]
    thought = thought or tuple(f"r{number} " for number in range(knobs.reason))
    events = [delta({knobs.key: word}) for word in thought]
    events += [delta({"content": word}) for word in words]
    steps = [event(one, style) for one in events] or [b""]
    first = event(delta({"role": "assistant", "content": ""}), style)
    finish = "length" if cut else knobs.finish
    last = b"".join(event(one, style) for one in (_tool(knobs.tool) if knobs.tool else []))
    last += event(delta({}, "tool_calls" if knobs.tool else finish), style)
    if include_usage and knobs.usage:
        counted = {"prompt_tokens": 11, "completion_tokens": len(words), "total_tokens": 11 + len(words)}
        last += event(completion([], usage=counted), style)
    last += event(b"[DONE]", style)
    return (first + steps[0], *steps[1:], last)


def _tool(name: str) -> list[dict[str, object]]:
    """Two calls, their arguments in pieces and interleaved, as vendors send them."""
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "call_a", "type": "function", "function": {"name": name, "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 1, "id": "call_b", "type": "function", "function": {"name": name, "arguments": "{"}},
        {"index": 0, "function": {"arguments": ' "Zürich"}'}},
        {"index": 1, "function": {"arguments": "}"}},
    ]
    return [delta({"tool_calls": [piece]}) for piece in pieces]
