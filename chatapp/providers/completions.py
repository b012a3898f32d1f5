"""The wire format of OpenAI's chat completions, read: data of events in, `StepEvent`s out.

Only the fields that are wanted are decoded, into msgspec structs: a pydantic object for each chunk, as the
SDK
makes them, is most of what a bare relay costs. Whatever does not fit the structs is looked at again with
patience, since many servers speak a dialect.
"""

import json
from collections.abc import Sequence
from typing import Final, cast

import msgspec
from typing_extensions import override

from chatapp.domain.errors import ProviderUnreachable
from chatapp.domain.events import Chunk, Reasoning, ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.domain.texts import clean
from chatapp.providers.refusals import stream_error
from chatapp.providers.step_reader import StepReader

FINISH_REASONS: Final = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
#: What some servers say instead of closing the connection when the reply broke off.
BROKEN: Final = frozenset({"error", "abort", "insufficient_system_resource"})


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolDelta(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: object = None


_DECODER: Final = msgspec.json.Decoder(_Completion)


class CompletionReader(StepReader):
    """Reads one step of a chat completion; `[DONE]` marks its end."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[_ToolDelta] = []

    @override
    def take(self, data: bytes) -> bool:
        """See `StepReader`."""
        completion = _decode(data)
        if completion is None:
            return False
        if completion.error:
            raise stream_error(completion.error)
        if completion.usage is not None:
            self._count(completion.usage)
        for choice in completion.choices or ():
            if not choice.index:
                self._choose(choice)
        return True

    @override
    def calls(self) -> Sequence[ToolCall]:
        """See `StepReader`."""
        return [_whole(call, position) for position, call in enumerate(self._calls)]

    def _choose(self, choice: _Choice) -> None:
        delta = choice.delta
        if delta is not None:
            if thought := delta.reasoning_content or delta.reasoning:
                self.add(Reasoning, thought)
            if text := delta.content or delta.refusal:
                self.add(Chunk, text)
            for call in delta.tool_calls or ():
                self._call(call)
        if choice.finish_reason and choice.finish_reason != "null":
            self._finish(choice.finish_reason)

    def _finish(self, reason: str) -> None:
        if reason in BROKEN:
            raise ProviderUnreachable("The model's server broke the reply off with an error.")
        self.finished = True
        self.reason = FINISH_REASONS.get(reason, FinishReason.STOP)

    def _count(self, usage: _Usage) -> None:
        self.usage = Usage(
            input_tokens=usage.prompt_tokens or self.usage.input_tokens,
            output_tokens=usage.completion_tokens or self.usage.output_tokens,
        )

    def _call(self, piece: _ToolDelta) -> None:
        """Joins a piece to its call: by index, or to the last call where a server gives none."""
        index = piece.index
        if index is None:
            index = len(self._calls) - (0 if piece.id else 1)
        while len(self._calls) <= max(index, 0) and len(self._calls) < 128:
            self._calls.append(_ToolDelta(function=_Function(name="", arguments="")))
        call = self._calls[min(max(index, 0), len(self._calls) - 1)]
        call.id = call.id or piece.id
        if piece.function is not None and call.function is not None:
            call.function.name = call.function.name or piece.function.name
            call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")


def _whole(call: _ToolDelta, position: int) -> ToolCall:
    function = call.function or _Function()
    return ToolCall(
        id=clean(call.id or f"call_{position}"),
        name=clean(function.name or ""),
        arguments=clean(function.arguments or ""),
    )


def _decode(data: bytes) -> _Completion | None:
    try:
        return _DECODER.decode(data)
    except (ValueError, RecursionError):
        return _decode_patiently(data)


def _decode_patiently(data: bytes) -> _Completion | None:
    """Bad UTF-8 replaced, lone surrogates let through (they are made safe later), odd types left out."""
    try:
        value: object = json.loads(data.decode("utf-8", "replace"))
        return _lenient(value)
    except (ValueError, RecursionError):
        return None


def _dict(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, object]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [found for item in items if (found := _dict(item))]


def _text(value: object) -> str | None:
    """A string, or the strings of a list of parts (`[{"type": "text", "text": ...}]`)."""
    if isinstance(value, str):
        return value
    return "".join(_text(part.get("text")) or "" for part in _dicts(value)) or None


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else None


def _lenient(value: object) -> _Completion | None:
    found = _dict(value)
    if not found:
        return None
    usage = _dict(found.get("usage"))
    return _Completion(
        choices=[_lenient_choice(choice) for choice in _dicts(found.get("choices"))],
        usage=_Usage(
            prompt_tokens=_number(usage.get("prompt_tokens")),
            completion_tokens=_number(usage.get("completion_tokens")),
        ),
        error=found.get("error"),
    )


def _lenient_choice(choice: dict[str, object]) -> _Choice:
    delta = _dict(choice.get("delta"))
    return _Choice(
        index=_number(choice.get("index")),
        finish_reason=_text(choice.get("finish_reason")),
        delta=_Delta(
            content=_text(delta.get("content")),
            reasoning_content=_text(delta.get("reasoning_content")),
            reasoning=_text(delta.get("reasoning")),
            refusal=_text(delta.get("refusal")),
            tool_calls=[_lenient_call(call) for call in _dicts(delta.get("tool_calls"))],
        ),
    )


def _lenient_call(call: dict[str, object]) -> _ToolDelta:
    function = _dict(call.get("function"))
    arguments = function.get("arguments")
    if given := _dict(arguments):  # some servers send the object itself
        arguments = json.dumps(given, ensure_ascii=False)
    return _ToolDelta(
        index=_number(call.get("index")),
        id=_text(call.get("id")),
        function=_Function(name=_text(function.get("name")), arguments=_text(arguments)),
    )
