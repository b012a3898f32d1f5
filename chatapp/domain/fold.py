"""The one fold: the only code that turns events into a message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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


def fold(message: Message, event: RunEvent, *, took_ms: int = 0) -> Message:
    """The message after the event, which came `took_ms` after the one before.

    Any split of a text into chunks folds to the same message.
    """
    match event:
        case Chunk():
            return replace(message, parts=_append(message.parts, TextPart(text=event.content)))
        case Reasoning():
            thought = ReasoningPart(text=event.content, took_ms=took_ms)
            return replace(message, parts=_append(message.parts, thought))
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
    kept = replace(
        message,
        parts=parts,
        status=Status.STREAMING,
        model=event.model,
        failure=None,
        usage=message.usage + event.usage,
    )
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
    match parts[-1] if parts else None, new:
        case TextPart() as last, TextPart():
            return (*parts[:-1], replace(last, text=last.text + new.text))
        case ReasoningPart() as last, ReasoningPart():
            whole = replace(last, text=last.text + new.text, took_ms=last.took_ms + new.took_ms)
            return (*parts[:-1], whole)
        case _:
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
    """A message and the seq it covers: text and cursor are never apart. `at` is its time."""

    message: Message
    seq: int = 0
    at: datetime | None = field(default=None, compare=False)

    def after(self, records: Iterable[Logged]) -> "Snapshot":
        """This snapshot with the records folded in; those it already covers are passed over.

        Raises:
            ValueError: a record is missing in between.
        """
        message, seq, at = self.message, self.seq, self.at
        # Nearly all records are words: joined, a long reply costs a few folds and not thousands.
        words: list[str] = []
        for record in records:
            if record.seq <= seq:
                continue
            if record.seq != seq + 1:
                raise ValueError(f"seq {record.seq} follows {seq}")
            if isinstance(record.event, Chunk):
                words.append(record.event.content)
            else:
                message = fold(_said(message, words), record.event, took_ms=milliseconds(at, record.at))
                words = []
            seq, at = record.seq, record.at
        return Snapshot(message=_said(message, words), seq=seq, at=at)


def _said(message: Message, words: Sequence[str]) -> Message:
    return fold(message, Chunk(content="".join(words))) if words else message


def milliseconds(before: datetime | None, at: datetime) -> int:
    """From one record to the next; none before the first, and clocks may be set back."""
    return max(0, round((at - before) / timedelta(milliseconds=1))) if before else 0
