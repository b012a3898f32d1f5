"""Our own events: the objects that a program is sent, over whatever wire."""

import json
from typing import Any, assert_never

from chatapp.domain.agents import DEFAULT_AGENT
from chatapp.domain.events import (
    Attempt,
    Chunk,
    Context,
    Done,
    Error,
    Logged,
    Reasoning,
    RunEvent,
    ToolCall,
    ToolResult,
)
from chatapp.services.runs import Queued, RunInfo

Event = dict[str, Any]


def session(run: RunInfo) -> Event:
    """The first event of each stream: where the reply belongs."""
    return {
        "type": "session",
        "session_id": run.conversation_id,
        "run_id": run.id,
        "message_id": run.message_id,
    }


def queued(notice: Queued) -> Event:
    """The place in the queue, 1 for the next."""
    return {"type": "queued", "position": notice.position}


def error(code: str, message: str) -> Event:
    """Something went wrong."""
    return {"type": "error", "message": message, "code": code}


def of_record(record: Logged) -> Event | None:
    """The event of a record; None for what is nobody else's business: what the model was given, and that the
    first attempt began."""
    event: RunEvent = record.event
    match event:
        case Chunk():
            return {"type": "chunk", "content": event.content, "agent": DEFAULT_AGENT.id}
        case Reasoning():
            return {"type": "reasoning", "content": event.content}
        case ToolCall():
            return {"type": "tool_call", "id": event.id, "name": event.name, "arguments": event.arguments}
        case ToolResult():
            return {
                "type": "tool_result",
                "id": event.id,
                "content": event.content,
                "is_error": event.is_error,
            }
        case Attempt():
            return None if event.begins else _attempt(event)
        case Context():
            return None
        case Error():
            return error(event.failure.code, event.failure.message)
        case Done():
            return _done(event)
        case _:
            assert_never(event)


def dump(event: Event) -> str:
    """The event as JSON in one line, whatever a reader takes for the end of a line: some split at U+2028 and
    U+0085 as well. Half a character, which has no bytes, is escaped."""
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    if text.isascii():
        return text.replace("\x7f", "\\u007f")
    if any("\ud800" <= character <= "\udfff" for character in text):
        return json.dumps(event, separators=(",", ":"))
    for separator in "\x85\u2028\u2029":
        text = text.replace(separator, f"\\u{ord(separator):04x}")
    return text


def _attempt(event: Attempt) -> Event:
    return {
        "type": "attempt",
        "attempt": event.attempt,
        "model": event.model,
        "reason": event.reason,
        "keep_chars": event.keep_chars,
    }


def _done(event: Done) -> Event:
    usage = event.usage
    return {
        "type": "done",
        "status": event.status.value,
        "tokens_used": usage.total_tokens,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens},
        "finish_reason": event.finish_reason.value if event.finish_reason else None,
        "data_collected": {},
        "is_complete": False,
    }
