"""Events and their times as texts and numbers: in the log's tables, and on the way between processes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from chatapp.domain.events import (
    Attempt,
    Chunk,
    Context,
    Done,
    Error,
    Reasoning,
    RunEvent,
    ToolCall,
    ToolResult,
)
from chatapp.domain.messages import Failure, FinishReason, Status, Usage

_EVENTS: dict[str, type[Any]] = {
    "chunk": Chunk,
    "reasoning": Reasoning,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "context": Context,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a value, as they are. `asdict` would copy all that they hold, which takes longer than to
    write it down."""
    return {name: getattr(value, name) for name in value.__slots__}


#: `json.dumps` would make an encoder for each event.
_json = json.JSONEncoder(ensure_ascii=False, default=fields_of).encode


def dump_event(event: RunEvent) -> str:
    """JSON of an event without its kind."""
    if isinstance(event, Chunk | Reasoning):  # nearly all of them, and several thousand a second
        return f'{{"content": {_json(event.content)}}}'
    whole = fields_of(event)
    del whole["kind"]
    return _json(whole)


def load_event(kind: str, data: str) -> RunEvent:
    """The event that `dump_event` wrote."""
    whole = json.loads(data)
    match kind:
        case "error":
            return Error(failure=Failure(**whole["failure"]))
        case "done":
            return Done(
                status=Status(whole["status"]),
                finish_reason=FinishReason(reason) if (reason := whole["finish_reason"]) else None,
                usage=Usage(**whole["usage"]),
            )
        case "attempt":
            whole["usage"] = Usage(**whole.get("usage", {}))
            return Attempt(**whole)
        case _:
            return _EVENTS[kind](**whole)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 in UTC."""
    return round((at - _EPOCH) / _MILLISECOND)


def from_ms(at_ms: int) -> datetime:
    """The time of `to_ms`."""
    return _EPOCH + at_ms * _MILLISECOND
