"""Domain values to and from what the tables hold."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from chatapp.domain.conversations import Conversation
from chatapp.domain.event_codec import dump_event, fields_of, from_ms, load_event, to_ms
from chatapp.domain.events import Chunk, Logged
from chatapp.domain.messages import (
    Failure,
    FinishReason,
    Message,
    Part,
    ReasoningPart,
    Role,
    Seam,
    Status,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from chatapp.domain.runs import NO_OPTIONS, Run, RunOptions

_PARTS: dict[str, type[Any]] = {
    "text": TextPart,
    "reasoning": ReasoningPart,
    "tool_call": ToolCallPart,
    "tool_result": ToolResultPart,
}
_SEAM = "seam"


def dump_log(records: Iterable[Logged]) -> str:
    """A whole log in one text.

    All text once, then for each chunk its seq, the offset in characters where it ends, and its time (ms since
    1970); other events as they are.
    """
    text: list[str] = []
    end = 0
    chunks: list[tuple[int, int, int]] = []
    others: list[tuple[int, int, str, str]] = []
    for record in records:
        at_ms = to_ms(record.at)
        if isinstance(record.event, Chunk):
            text.append(record.event.content)
            end += len(record.event.content)
            chunks.append((record.seq, end, at_ms))
        else:
            others.append((record.seq, at_ms, record.event.kind, dump_event(record.event)))
    whole = {"text": "".join(text), "chunks": chunks, "events": others}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def load_log(data: str) -> list[Logged]:
    """The records that `dump_log` wrote, in order of `seq`."""
    whole = json.loads(data)
    text: str = whole["text"]
    records: list[Logged] = []
    start = 0
    for seq, end, at_ms in whole["chunks"]:
        records.append(Logged(seq=seq, at=from_ms(at_ms), event=Chunk(content=text[start:end])))
        start = end
    for seq, at_ms, kind, fields in whole["events"]:
        records.append(Logged(seq=seq, at=from_ms(at_ms), event=load_event(kind, fields)))
    return sorted(records, key=lambda record: record.seq)


def dump_parts(parts: Iterable[Part], seams: Iterable[Seam] = ()) -> list[dict[str, Any]]:
    """Parts as JSON values, and after them the seams, which are places in their text."""
    return [*(fields_of(part) for part in parts), *({"kind": _SEAM, **fields_of(seam)} for seam in seams)]


def load_parts(values: Iterable[dict[str, Any]]) -> tuple[Part, ...]:
    """The parts that `dump_parts` wrote."""
    return tuple(_PARTS[value["kind"]](**value) for value in values if value["kind"] != _SEAM)


def load_seams(values: Iterable[dict[str, Any]]) -> tuple[Seam, ...]:
    """The seams that `dump_parts` wrote."""
    fields = (
        {name: value[name] for name in value if name != "kind"} for value in values if value["kind"] == _SEAM
    )
    return tuple(Seam(**seam) for seam in fields)


def _finish_reason(value: str | None) -> FinishReason | None:
    return FinishReason(value) if value else None


def message_of(row: Row[Any]) -> Message:
    """The message in a row."""
    failure = None
    if row.failure_code:
        failure = Failure(code=row.failure_code, message=row.failure_message or "")
    return Message(
        id=row.id,
        role=Role(row.role),
        created_at=row.created_at,
        parent_id=row.parent_id,
        parts=load_parts(row.parts),
        status=Status(row.status),
        model=row.model,
        run_id=row.run_id,
        finish_reason=_finish_reason(row.finish_reason),
        usage=Usage(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
        failure=failure,
        left_out=row.left_out,
        seams=load_seams(row.parts),
    )


def message_columns(message: Message) -> dict[str, Any]:
    """The columns that a run fills in."""
    return {
        "status": message.status.value,
        "parts": dump_parts(message.parts, message.seams),
        "model": message.model,
        "finish_reason": message.finish_reason.value if message.finish_reason else None,
        "input_tokens": message.usage.input_tokens,
        "output_tokens": message.usage.output_tokens,
        "failure_code": message.failure.code if message.failure else None,
        "failure_message": message.failure.message if message.failure else None,
        "left_out": message.left_out,
    }


def conversation_of(row: Row[Any]) -> Conversation:
    """The conversation in a row."""
    return Conversation(
        key=row.key,
        id=row.id,
        owner_id=row.owner_id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        leaf_id=row.leaf_id,
        model=row.model,
        pinned=row.pinned,
        archived=row.archived,
    )


def dump_options(options: RunOptions) -> dict[str, Any]:
    """What was asked for; most runs ask for nothing."""
    if options == NO_OPTIONS:
        return {}
    return {name: value for name, value in fields_of(options).items() if value != getattr(NO_OPTIONS, name)}


def load_options(stored: dict[str, Any]) -> RunOptions:
    """The options that `dump_options` wrote; what only a later version knows is passed over."""
    if not stored:
        return NO_OPTIONS
    names = {field.name for field in dataclasses.fields(RunOptions)}
    known: dict[str, Any] = {name: value for name, value in stored.items() if name in names}
    known["stop"] = tuple(stored.get("stop", ()))
    return RunOptions(**known)


def run_of(row: Row[Any]) -> Run:
    """The run in a row."""
    return Run(
        id=row.id,
        owner_id=row.owner_id,
        conversation_key=row.conversation_key,
        message_id=row.message_id,
        model=row.model,
        status=Status(row.status),
        created_at=row.created_at,
        attempt=row.attempt,
        cancel_requested=row.cancel_requested,
        continues=row.continues,
        options=load_options(row.options),
        worker=row.worker,
    )
