"""A message is a role and parts; a part has a kind. Values know nothing of storage."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class Status(StrEnum):
    """Where a message, and the run that makes it, stands. The last four are final."""

    QUEUED = "queued"
    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """True when nothing will be added any more."""
        return self not in {Status.QUEUED, Status.STREAMING}

    @property
    def is_failure(self) -> bool:
        """True when it ended though nobody wished it, before it was whole."""
        return self in {Status.INTERRUPTED, Status.FAILED}


class FinishReason(StrEnum):
    """Why the model stopped, in the words of the vendors."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """Text of the message itself, markdown."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasoningPart:
    """What the model thought aloud before it answered, and for how long (ms since what came before)."""

    text: str
    took_ms: int = 0
    kind: Literal["reasoning"] = "reasoning"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCallPart:
    """The model asks for a tool; `arguments` is the JSON text as it came, whole or not."""

    id: str
    name: str
    arguments: str
    kind: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResultPart:
    """What a tool answered to the call with this `id`."""

    id: str
    content: str
    is_error: bool = False
    kind: Literal["tool_result"] = "tool_result"


Part = TextPart | ReasoningPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens as the provider counted them; 0 where it did not say."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Those that were read and those that were written."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why a reply failed, fit for the person who sees it."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Seam:
    """A place in a reply from which on another attempt wrote: `model`, after `before` did not get further.

    `at_chars` counts the characters of text before it. `reason` is why, in words or as the log has it.
    """

    at_chars: int
    model: str
    reason: str
    before: str

    @property
    def is_fallback(self) -> bool:
        """True when it is another model that goes on; else the same one does, after a crash for example."""
        return self.model != self.before


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One node of a conversation's tree.

    `left_out` counts the earlier messages that did not fit the model's window when this reply was made.
    `seams` are in order of their places.
    """

    id: str
    role: Role
    created_at: datetime
    parent_id: str | None = None
    parts: tuple[Part, ...] = ()
    status: Status = Status.COMPLETE
    model: str = ""
    run_id: str | None = None
    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    failure: Failure | None = None
    left_out: int = 0
    seams: tuple[Seam, ...] = ()

    @property
    def text(self) -> str:
        """All text parts, concatenated: the reply byte for byte."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def reasoning(self) -> str:
        """All reasoning parts, concatenated."""
        return "".join(part.text for part in self.parts if isinstance(part, ReasoningPart))

    @property
    def thought_ms(self) -> int:
        """How long the model thought."""
        return sum(part.took_ms for part in self.parts if isinstance(part, ReasoningPart))
