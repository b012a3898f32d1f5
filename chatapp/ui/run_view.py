"""A reply that is being made, as its readers on the screen see it: folded once, whoever and how many they
are."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any, Final, NamedTuple

from chatapp.domain.events import Attempt, Chunk, Logged, Reasoning
from chatapp.domain.fold import Snapshot, fold, milliseconds
from chatapp.domain.messages import Message, Part, ReasoningPart, Status, TextPart
from chatapp.ui.levels import Levels, live_cuts, live_text
from chatapp.ui.parts import Cut, Cuts
from chatapp.ui.rows import can_continue, seams
from chatapp.ui.speech import Speech

#: Parts of a delta: var name -> value, for each of the three states that show a live reply.
Changes = dict[str, dict[str, Any]]

_NOBODY: Final[Mapping[str, Any]] = {
    "id": "", "status": "", "model": "", "error": "", "left_out": 0, "more": False, "position": 0,
    "thinks": False, "thought": 0, "seams": (),
}  # fmt: skip


class RunView:
    """One reply.

    What is said of it is folded by the one fold. Its text is not: a fold makes a new string for each event,
    which is dear for long replies, and the screen wants it in levels. A test holds the two together.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        message = snapshot.message
        self.message_id: str = message.id
        self.seq: int = snapshot.seq
        self.live: Levels[str] = live_text(message.text)
        self.thinking: Levels[str] = live_text(message.reasoning)
        self._cutter: Cuts = Cuts(message.text)
        self._cuts: Levels[tuple[Cut, ...]] = live_cuts(tuple(self._cutter.cuts))
        self._speech: Speech = Speech(message.text)
        self._parts: list[_Span] = [_span(part) for part in message.parts]
        self._at: datetime | None = snapshot.at
        self._about: Message = replace(message, parts=())
        self._position: int = 0
        self._told: dict[str, Any] = dict(_NOBODY)
        # Words change nothing of what is said about the reply, and nearly all records are words.
        self._has_news: bool = True

    @property
    def is_final(self) -> bool:
        """True when nothing will be added any more."""
        return self._about.status.is_final

    def apply(self, records: Iterable[Logged]) -> None:
        """Fold in what is new.

        Raises:
            ValueError: a record is missing in between.
        """
        for record in records:
            if record.seq <= self.seq:
                continue
            if record.seq != self.seq + 1:
                raise ValueError(f"seq {record.seq} follows {self.seq}")
            self._fold(record, milliseconds(self._at, record.at))
            self.seq, self._at = record.seq, record.at

    def queue(self, position: int) -> None:
        """Its place among those that wait; what has begun does not wait, whatever is said late."""
        if self.seq:
            return
        self._position = position
        self._has_news = True

    def take_changes(self) -> Changes:
        """What changed since this was last asked, for readers that have everything before."""
        words = self._speech.take(monotonic(), at_once=self.is_final)
        return _without_empty(
            {
                "now": self._news() if self._has_news else {},
                "live": _levels("t", self.live.take_changes()) | _levels("c", self._cuts.take_changes()),
                "spoken": {"s": words} if words else {},
                "thinking": _levels("r", self.thinking.take_changes()),
            }
        )

    def everything(self) -> Changes:
        """All of it, for a reader that has nothing or has missed something."""
        text, cuts, thinking = (dict(enumerate(one.levels)) for one in (self.live, self._cuts, self.thinking))
        return {
            "now": self._now(),
            "live": _levels("t", text) | _levels("c", cuts),
            "thinking": _levels("r", thinking),
        }

    def _news(self) -> dict[str, Any]:
        now, told = self._now(), self._told
        self._told, self._has_news = now, False
        return {name: value for name, value in now.items() if told.get(name) != value}

    def _fold(self, record: Logged, took_ms: int) -> None:
        match record.event:
            case Chunk(content=text):
                self.live.append(text)
                self._cuts.append(self._cutter.append(text))
                self._speech.append(text)
                self._grow("text", len(text))
            case Reasoning(content=text):
                self.thinking.append(text)
                self._grow("reasoning", len(text), took_ms)
            case Attempt(keep_chars=keep):
                self._cut(keep)
                self._about = fold(self._about, record.event)
                self._has_news = True
            case _:
                self._about = replace(fold(self._about, record.event), parts=())
                self._has_news = True
                if self.is_final:
                    self._speech.append("\n")
                    self._speech.say(_ending(self._about))

    def _grow(self, kind: str, length: int, took_ms: int = 0) -> None:
        if not length:
            return
        if self._parts and (last := self._parts[-1]).kind == kind:
            self._parts[-1] = _Span(kind, last.length + length, last.took_ms + took_ms)
        else:
            self._parts.append(_Span(kind, length, took_ms))
            self._has_news = True

    def _cut(self, keep_chars: int) -> None:
        """As the fold cuts: text up to a length, and nothing of any kind after it."""
        kept: list[_Span] = []
        left = keep_chars
        for span in self._parts:
            if span.kind == "text" and span.length > left:
                kept.append(_Span("text", left))
                break
            left -= span.length if span.kind == "text" else 0
            kept.append(span)
        if kept != self._parts:
            self._parts = kept
            self.live.cut(sum(span.length for span in kept if span.kind == "text"))
            self._cutter = Cuts(self.live.whole)
            self._cuts.cut(len(self._cutter.cuts))
            self._speech = Speech(self.live.whole)
            self.thinking.cut(sum(span.length for span in kept if span.kind == "reasoning"))

    def _now(self) -> dict[str, Any]:
        about = self._about
        return {
            "id": about.id,
            "status": str(about.status),
            "model": about.model,
            "error": about.failure.message if about.failure else "",
            "left_out": about.left_out,
            "more": can_continue(about, has_text=any(self.live.levels)),
            "thinks": not self.is_final and bool(self._parts) and self._parts[-1].kind == "reasoning",
            "thought": sum(span.took_ms for span in self._parts),
            "seams": seams(about, self.live.whole) if about.seams else (),
            "position": 0 if about.status != "queued" else self._position,
        }


def nobody() -> Changes:
    """What is sent to a page that shows no live reply any more."""
    return {"now": dict(_NOBODY)}


def _ending(message: Message) -> str:
    """How a reply ended, in words."""
    if message.status is Status.FAILED and message.failure is not None:
        return f"Reply failed: {message.failure.message}"
    return f"Reply {message.status}."


class _Span(NamedTuple):
    """What there is of a part, without its text."""

    kind: str
    length: int = 0
    took_ms: int = 0


def _span(part: Part) -> _Span:
    match part:
        case TextPart(text=text):
            return _Span("text", len(text))
        case ReasoningPart(text=text, took_ms=took_ms):
            return _Span("reasoning", len(text), took_ms)
        case _:
            return _Span("step")


def _levels(prefix: str, changes: Mapping[int, object]) -> dict[str, Any]:
    return {f"{prefix}{level}": value for level, value in changes.items()}


def _without_empty(changes: Changes) -> Changes:
    return {state: values for state, values in changes.items() if values}
