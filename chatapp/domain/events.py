"""What happens in a run, as it is logged and published.

A log holds `Logged` records with a contiguous `seq` from 1. A seq seen once means the same for ever.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from chatapp.domain.messages import Failure, FinishReason, Status, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """More text of the reply, exact: the concatenation of all chunks is the reply byte for byte."""

    content: str
    kind: Literal["chunk"] = "chunk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reasoning:
    """More of what the model thinks aloud."""

    content: str
    kind: Literal["reasoning"] = "reasoning"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """The model asks for a tool."""

    id: str
    name: str
    arguments: str
    kind: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResult:
    """A tool answered."""

    id: str
    content: str
    is_error: bool = False
    kind: Literal["tool_result"] = "tool_result"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A worker begins, or takes the run over, or another model does. `keep_chars` characters of text stay.

    `reason` is `start` or `continue` (a message's text goes on in this one) where nobody was before. `usage`
    is what the model that failed before it is known to have used.
    """

    attempt: int
    model: str
    reason: str
    keep_chars: int = 0
    usage: Usage = Usage()
    kind: Literal["attempt"] = "attempt"

    @property
    def begins(self) -> bool:
        """True when it does not go on with what an earlier attempt left."""
        return self.reason in {"start", "continue"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What the model was given: `left_out` earlier messages did not fit its window."""

    left_out: int
    input_tokens: int
    kind: Literal["context"] = "context"


@dataclass(frozen=True, kw_only=True, slots=True)
class Error:
    """The run failed; a `Done` follows."""

    failure: Failure
    kind: Literal["error"] = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The last event of every run, exactly one."""

    status: Status
    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    kind: Literal["done"] = "done"


RunEvent = Chunk | Reasoning | ToolCall | ToolResult | Attempt | Context | Error | Done


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """An event in its place in the log; `at` is when it was appended (UTC)."""

    seq: int
    at: datetime
    event: RunEvent
