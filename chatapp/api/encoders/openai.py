"""OpenAI's chat completions: the answer as one object, or as a stream of chunks."""

from collections.abc import Generator
from typing import Any, Final

from chatapp.api.encoders import native
from chatapp.api.encoders.base import EncodedOnce
from chatapp.api.encoders.sse import KEEP_ALIVE, frame
from chatapp.api.openai_errors import error_object
from chatapp.domain.errors import status_of
from chatapp.domain.events import Chunk, Done, Error, Logged, Reasoning
from chatapp.domain.messages import Failure, FinishReason, Message, Usage
from chatapp.services.runs import Queued, RunInfo

END: Final = frame("[DONE]")
#: Of a reply that is whole already: no client minds, and no piece is large.
MAX_DELTA_CHARS: Final = 10_000


class OpenAIEncoder:
    """Chunks of a completion as server-sent events; `with_usage` tells the usage before the end."""

    def __init__(self, *, with_usage: bool = False) -> None:
        self._with_usage: bool = with_usage
        self.record = EncodedOnce(self._record)

    def opening(self, run: RunInfo) -> bytes:
        """Whose message it is."""
        return self._delta(run, {"role": "assistant", "content": "", "refusal": None})

    def queued(self, queued: Queued) -> bytes:
        """A comment: these clients know no queue."""
        del queued
        return KEEP_ALIVE

    def idle(self) -> bytes:
        """A comment, which clients pass over."""
        return KEEP_ALIVE

    def rest(self, run: RunInfo, message: Message, *, after: int, thoughts: bool) -> Generator[bytes]:
        """A reply that has ended, from so many characters on, with what was thought or without."""
        if thoughts and message.reasoning:
            yield self._delta(run, {"reasoning_content": message.reasoning})
        for start in range(after, len(message.text), MAX_DELTA_CHARS):
            yield self._delta(run, {"content": message.text[start : start + MAX_DELTA_CHARS]})
        if message.failure is not None:
            yield error_frame(message.failure)
        else:
            done = Done(status=message.status, finish_reason=message.finish_reason, usage=message.usage)
            yield self._end(run, done)

    def _record(self, run: RunInfo, record: Logged) -> bytes:
        match record.event:
            case Chunk(content=content):
                return self._delta(run, {"content": content})
            case Reasoning(content=content):
                return self._delta(run, {"reasoning_content": content})
            case Error(failure=failure):
                return error_frame(failure)
            case Done() as done if not done.status.is_failure:
                return self._end(run, done)
            case _:
                return b""

    def _end(self, run: RunInfo, done: Done) -> bytes:
        end = self._delta(run, {}, _finish(done.finish_reason))
        if not self._with_usage:
            return end + END
        usage: dict[str, Any] = {
            **_head(run, "chat.completion.chunk"),
            "choices": [],
            "usage": _usage(done.usage),
        }
        return end + frame(native.dump(usage)) + END

    def _delta(self, run: RunInfo, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**_head(run, "chat.completion.chunk"), "choices": [choice]}
        return frame(native.dump(chunk | ({"usage": None} if self._with_usage else {})))


def completion(run: RunInfo, message: Message) -> dict[str, Any]:
    """The whole answer."""
    said = {"role": "assistant", "content": message.text, "refusal": None}
    thought = {"reasoning_content": message.reasoning} if message.reasoning else {}
    choice = {
        "index": 0,
        "message": said | thought,
        "logprobs": None,
        "finish_reason": _finish(message.finish_reason),
    }
    return {**_head(run, "chat.completion"), "choices": [choice], "usage": _usage(message.usage)}


def error_frame(failure: Failure) -> bytes:
    """What went wrong after the stream has begun: the SDK raises it."""
    return frame(native.dump(error_object(status_of(failure.code), failure.code, failure.message)))


def _head(run: RunInfo, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{run.id}",
        "object": kind,
        "created": int(run.created_at.timestamp()),
        "model": run.model,
        "system_fingerprint": None,
    }


def _finish(reason: FinishReason | None) -> str:
    """These clients know no reply that a person stopped."""
    return (reason or FinishReason.STOP).value


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
