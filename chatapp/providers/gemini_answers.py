"""The wire format of Gemini's `streamGenerateContent`, read: data of events in, `StepEvent`s out.

As with OpenAI's (`completions.py`), only the wanted fields are decoded, into msgspec structs. The SDK's
object for each chunk costs 0.26 ms: a quarter of a core for 30 replies of 30 chunks a second.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from typing_extensions import override

from chatapp.domain.errors import ProviderGarbage, ProviderRefused, ProviderUnreachable
from chatapp.domain.events import Chunk, Reasoning, ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.domain.texts import clean
from chatapp.providers.base import StepEvent
from chatapp.providers.refusals import quoted, stream_error
from chatapp.providers.step_reader import StepReader

FINISH_REASONS: Final = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.LENGTH,
}
#: The model, not a rule about contents, is why the reply is not whole.
BROKEN: Final = frozenset(
    {
        "OTHER",
        "MALFORMED_RESPONSE",
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
MAX_CALLS: Final = 128


class _Call(msgspec.Struct, rename="camel"):
    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    function_call: _Call | None = None


class _Content(msgspec.Struct, rename="camel"):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    index: int | None = None
    content: _Content | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel", gc=False):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Feedback(msgspec.Struct, rename="camel", gc=False):
    block_reason: str | None = None


class _Answer(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: _Usage | None = None
    prompt_feedback: _Feedback | None = None
    error: object = None


_DECODER: Final = msgspec.json.Decoder(_Answer)


class GeminiReader(StepReader):
    """Reads one step. The format has no end mark: what follows a finish reason is read as well, since some
    models send one with each piece.

    `may_be_empty`: an unfinished reply is gone on with, and may turn out to have been whole. Otherwise a
    reply of nothing is a failure: models end so now and then (livekit/agents#4066), and not when asked again.
    """

    def __init__(self, *, may_be_empty: bool = False) -> None:
        super().__init__()
        self._may_be_empty = may_be_empty
        self._calls: list[_Call] = []
        self._spoke = False

    @override
    def take(self, data: bytes) -> bool:
        """See `StepReader`."""
        answer = _decode(data)
        if answer is None:
            return False
        if answer.error:
            raise stream_error(answer.error)
        if answer.usage_metadata is not None:
            self._count(answer.usage_metadata)
        if answer.prompt_feedback is not None and (reason := answer.prompt_feedback.block_reason):
            raise _refused(reason)
        for candidate in answer.candidates or ():
            if not candidate.index:
                self._read(candidate)
        return True

    @override
    def end(self) -> list[StepEvent]:
        """See `StepReader`."""
        said_something = self._spoke or self._calls or self._may_be_empty
        if self.finished and self.reason is FinishReason.STOP and not said_something:
            raise ProviderUnreachable("Gemini ended its reply before the first word.")
        return super().end()

    @override
    def calls(self) -> Sequence[ToolCall]:
        """See `StepReader`."""
        return [_whole(call, position) for position, call in enumerate(self._calls)]

    def _read(self, candidate: _Candidate) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        for part in parts or ():
            if part.text:
                self.add(Reasoning if part.thought else Chunk, part.text)
                self._spoke = self._spoke or not part.thought
            if part.function_call is not None and len(self._calls) < MAX_CALLS:
                self._calls.append(part.function_call)
        if candidate.finish_reason and candidate.finish_reason != "FINISH_REASON_UNSPECIFIED":
            self._finish(candidate.finish_reason)

    def _finish(self, reason: str) -> None:
        if reason in BROKEN:
            raise ProviderUnreachable(f"Gemini broke the reply off ({quoted(reason)}).")
        self.reason = FINISH_REASONS.get(reason, FinishReason.CONTENT_FILTER)
        if self.reason is FinishReason.CONTENT_FILTER and not self._spoke:
            raise _refused(reason)
        if self.reason is FinishReason.STOP and self._calls:
            self.reason = FinishReason.TOOL_CALLS
        self.finished = True

    def _count(self, usage: _Usage) -> None:
        """Each piece says what was counted so far; what the model thought is paid for as output."""
        given = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
        made = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        self.usage = Usage(
            input_tokens=given or self.usage.input_tokens, output_tokens=made or self.usage.output_tokens
        )


def _refused(reason: str) -> ProviderRefused:
    return ProviderRefused(
        f"Gemini declined to answer this ({quoted(reason)}).",
        advice="Please put it in other words, or choose another model.",
    )


def _whole(call: _Call, position: int) -> ToolCall:
    arguments = json.dumps(call.args or {}, ensure_ascii=False)
    return ToolCall(
        id=clean(call.id or f"call_{position}"), name=clean(call.name or ""), arguments=clean(arguments)
    )


def _decode(data: bytes) -> _Answer | None:
    try:
        return _DECODER.decode(data)
    except (ValueError, RecursionError):
        return _decode_patiently(data)


def _decode_patiently(data: bytes) -> _Answer | None:
    """Bad UTF-8 replaced, lone surrogates let through (they are made safe later)."""
    try:
        value: object = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, _Answer, strict=False)
    except msgspec.ValidationError as error:
        raise ProviderGarbage("Gemini sent something that is not its format.") from error
