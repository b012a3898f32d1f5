"""The one fold: the only code that turns events into a message."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

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
from chatapp.domain.messages import (
    Message,
    Part,
    ReasoningPart,
    Seam,
    Status,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)


def fold(message: Message, event: RunEvent) -> Message:
    """The message after the event. Any split of a text into chunks folds to the same message."""
    match event:
        case Chunk():
            return replace(message, parts=_append(message.parts, TextPart(text=event.content)))
        case Reasoning():
            return replace(message, parts=_append(message.parts, ReasoningPart(text=event.content)))
        case ToolCall():
            call = ToolCallPart(id=event.id, name=event.name, arguments=event.arguments)
            return replace(message, parts=(*message.parts, call))
        case ToolResult():
            result = ToolResultPart(id=event.id, content=event.content, is_error=event.is_error)
            return replace(message, parts=(*message.parts, result))
        case Attempt():
            return _attempted(message, event)
        case Context():
            return replace(message, left_out=event.left_out)
        case Error():
            return replace(message, failure=event.failure)
        case Done():
            return replace(
                message,
                status=event.status,
                finish_reason=event.finish_reason,
                usage=message.usage + event.usage,
            )
        case _:
            assert_never(event)


def _attempted(message: Message, event: Attempt) -> Message:
    """The message as another attempt goes on with it; one that begins leaves no seam."""
    parts = _keep(message.parts, event.keep_chars)
    kept = replace(message, parts=parts, status=Status.STREAMING, model=event.model, failure=None)
    if event.begins:
        return kept
    end = event.keep_chars
    # What came after an earlier seam may be taken back; that another model wrote from there on stays true.
    earlier = (replace(seam, at_chars=min(seam.at_chars, end)) for seam in message.seams)
    seam = Seam(at_chars=end, model=event.model, reason=event.reason, before=message.model)
    return replace(kept, seams=(*earlier, seam))


def _append(parts: tuple[Part, ...], new: TextPart | ReasoningPart) -> tuple[Part, ...]:
    """Text joins the last part of its kind, so that the split into chunks leaves no trace."""
    if not new.text:
        return parts
    last = parts[-1] if parts else None
    if isinstance(last, TextPart | ReasoningPart) and last.kind == new.kind:
        return (*parts[:-1], replace(last, text=last.text + new.text))
    return (*parts, new)


def _keep(parts: tuple[Part, ...], keep_chars: int) -> tuple[Part, ...]:
    """The parts up to `keep_chars` characters of text; reasoning and tool steps after the cut go too."""
    kept: list[Part] = []
    left = keep_chars
    for part in parts:
        if isinstance(part, TextPart):
            if len(part.text) > left:
                return (*kept, replace(part, text=part.text[:left])) if left else tuple(kept)
            left -= len(part.text)
        kept.append(part)
    return tuple(kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A message and the seq it covers: text and cursor are never apart."""

    message: Message
    seq: int = 0

    def after(self, records: Iterable[Logged]) -> "Snapshot":
        """This snapshot with the records folded in; those it already covers are passed over.

        Raises:
            ValueError: a record is missing in between.
        """
        message, seq = self.message, self.seq
        for record in records:
            if record.seq <= seq:
                continue
            if record.seq != seq + 1:
                raise ValueError(f"seq {record.seq} follows {seq}")
            message, seq = fold(message, record.event), record.seq
        return Snapshot(message=message, seq=seq)
