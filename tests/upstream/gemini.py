"""Gemini's wire format: chunks of `streamGenerateContent?alt=sse`, its refusals, its list of models.

A model whose name ends in `-words` refuses a last turn of its own, as Gemini's newer ones do.
"""

from functools import lru_cache
from typing import Any

from tests.upstream.knobs import Knobs
from tests.upstream.stream import Damage
from tests.upstream.tokens import remaining, rest
from tests.upstream.wire import event

#: As Google lists them; the second one is no chat model.
MODELS: tuple[dict[str, Any], ...] = (
    {
        "name": "models/gemini-2.5-mock",
        "version": "001",
        "displayName": "Gemini Mock",
        "inputTokenLimit": 32768,
        "outputTokenLimit": 8192,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": True,
    },
    {
        "name": "models/gemini-embedding-mock",
        "displayName": "Embedding Mock",
        "inputTokenLimit": 2048,
        "supportedGenerationMethods": ["embedContent"],
    },
)
FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
BAD_KEY = "API key not valid. Please pass a valid API key."
NO_PREFILL = "Requests ending with a model turn are not supported."
TOO_LONG = "The input token count (32769) exceeds the maximum number of tokens allowed (32768)."


def _text(data: bytes) -> bytes:
    return b'data: {"candidates":[{"content":{"parts":[{"text":"' + data + b'"}],"role":"model"}}]}\n\n'


DAMAGE = Damage(
    noise={
        "noise": b"what is this\n\ndata: ping\n\n",
        "utf8": _text(b"\xf0\x9f\xff\xc3( "),
        "nul": _text(b"a\\u0000b "),
        "surrogate": _text(b"\\ud83d") + _text(b"\\ude42 \\ud800 "),
    },
    last_words={
        "torn": b'data: {"candidates":[{"content":{"par\n\n',
        "done": b"",
        "error": b'data: {"error":{"code":503,"message":"The model is overloaded.",'
        b'"status":"UNAVAILABLE"}}\n\n',
        "blocked": b'data: {"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}\n\n',
    },
    long_line=b'data: {"candidates":[{"content":{"parts":[{"text":"',
)


def said(content: dict[str, Any]) -> str:
    """The text of a turn."""
    return "".join(part.get("text", "") for part in content["parts"])


def question(body: dict[str, Any]) -> str:
    """The person's last message: a turn that follows one of the model's and asks to go on is none."""
    return next(
        said(turn) for turn in reversed(body["contents"]) if turn["role"] == "user" and not _asks(turn)
    )


def given(body: dict[str, Any]) -> str:
    """The unfinished reply that is to be gone on with."""
    turns = [turn for turn in body["contents"] if not _asks(turn)]
    return said(turns[-1]) if turns[-1]["role"] == "model" else ""


def _asks(turn: dict[str, Any]) -> bool:
    return turn["role"] == "user" and "is unfinished" in said(turn)


def refusal(status: int, message: str, after: str = "") -> dict[str, Any]:
    """An error's body; it says in its own way how long to wait."""
    error: dict[str, Any] = {"code": status, "message": message, "status": STATUS.get(status, "UNKNOWN")}
    if after:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        error["details"] = [{"@type": kind, "retryDelay": f"{after}s"}]
    return {"error": error}


def chunk(
    parts: list[dict[str, Any]], finish: str = "", usage: dict[str, int] | None = None
) -> dict[str, Any]:
    """One `GenerateContentResponse`."""
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    answer: dict[str, Any] = {"candidates": [candidate]}
    if usage:
        answer["usageMetadata"] = usage
    return {**answer, "modelVersion": "gemini-2.5-mock", "responseId": "test"}


@lru_cache(maxsize=64)
def steps(
    knobs: Knobs, there: str, limit: int, thoughts: bool, replies: tuple[str, ...] | None = None
) -> tuple[bytes, ...]:
    """The events of a whole reply, one a step, the last one with all that ends it."""
    style = knobs.chunk or "crlf"
    words = remaining(knobs.n, there) if replies is None else rest(replies, there)
    cut = len(words) > limit
    words = words[:limit]
    thinking = [f"r{number} " for number in range(knobs.reason if thoughts else 0)]
    events = [
        chunk([{"text": thought, "thought": True}], usage=_usage(knobs, 0, at + 1))
        for at, thought in enumerate(thinking)
    ]
    events += [
        chunk([{"text": word}], usage=_usage(knobs, at + 1, len(thinking))) for at, word in enumerate(words)
    ]
    finish = "MAX_TOKENS" if cut else FINISH.get(knobs.finish, knobs.finish)
    calls = [{"functionCall": {"name": knobs.tool, "args": args}} for args in ({"city": "Zürich"}, {})]
    last = chunk(calls if knobs.tool else [{"text": ""}], finish, _usage(knobs, len(words), len(thinking)))
    return (*(event(one, style) for one in events), event(last, style))


def _usage(knobs: Knobs, words: int, thoughts: int) -> dict[str, int]:
    """What was counted so far: each chunk says it."""
    counted = {"promptTokenCount": 11, "candidatesTokenCount": words, "thoughtsTokenCount": thoughts}
    return counted if knobs.usage else {}
