"""What the page is given to draw: plain values, made from the domain's and never the other way round."""

import re
from collections.abc import Sequence
from typing import Final, TypedDict

from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import FinishReason, Message, Role, Status
from chatapp.providers.base import Capability, Model, Readiness
from chatapp.services.conversations import Versions, Window
from chatapp.ui.parts import Cut, Cuts

#: Where another model went on, in words, and why.
Joint = tuple[str, str]


class Siblings(TypedDict):
    """Which version of a message this is, from 1, of how many; "" where there is none before or after it."""

    index: int
    count: int
    previous: str
    next: str


class Row(TypedDict):
    """A message of the conversation. While it is `live`, `Now` and `Live` say more than this does.

    `parent` is what it follows: the versions of a message have that in common.
    """

    id: str
    parent: str
    role: str
    status: str
    at: str
    text: str
    cuts: tuple[Cut, ...]
    thinking: str
    thought: int
    seams: tuple[Joint, ...]
    model: str
    error: str
    left_out: int
    more: bool
    live: bool
    versions: Siblings


class Queued(TypedDict):
    """A message that waits for its turn."""

    id: str
    at: str
    text: str


class Choice(TypedDict):
    """A model in the picker; `details` says what it can do, and so does `able` by single words."""

    id: str
    label: str
    details: str
    able: tuple[str, ...]
    notice: str


class Step(TypedDict):
    """A provider that is being made ready (`percent` of it is done), or that cannot be had (-1)."""

    message: str
    percent: int


MILLION: Final = 1_000_000
#: Of the text before a seam, that its place is told by; without markdown's own characters.
LAST_CHARS: Final = 60
LAST_WORDS: Final = 3
_WORDS: Final = re.compile(r"[^\s*_`#|$~<>\[\]()]+")
#: Of a message that has no siblings.
_ONLY: Final = Versions(index=1, count=1, previous_id="", next_id="")
#: Ends from which "Continue" goes on; a complete reply offers it only when its length was cut.
_UNFINISHED: Final = frozenset({Status.STOPPED, Status.INTERRUPTED, Status.FAILED})


def row(snapshot: Snapshot, window: Window) -> Row:
    """A message as it is drawn."""
    message, text = snapshot.message, snapshot.message.text
    versions = window.versions.get(message.id, _ONLY)
    return Row(
        id=message.id,
        parent=message.parent_id or "",
        role=message.role,
        status=message.status,
        at=_when(message),
        text=text,
        cuts=tuple(Cuts(text).cuts) if message.role is Role.ASSISTANT else (),
        thinking=message.reasoning,
        thought=message.thought_ms,
        seams=seams(message, text),
        model=message.model,
        error=message.failure.message if message.failure else "",
        left_out=message.left_out,
        more=can_continue(message, has_text=bool(text)),
        live=message.role is Role.ASSISTANT and not message.status.is_final,
        versions=Siblings(
            index=versions.index,
            count=versions.count,
            previous=versions.previous_id,
            next=versions.next_id,
        ),
    )


def blank(snapshot: Snapshot, window: Window) -> Row:
    """The row of a reply that is shown live: its text comes another way."""
    return row(snapshot, window) | Row(text="", cuts=(), thinking="", live=True)  # type: ignore[typeddict-item]


def queued(snapshots: Sequence[Snapshot]) -> tuple[Queued, ...]:
    """What a person wrote among these."""
    said = (one.message for one in snapshots if one.message.role is Role.USER)
    return tuple(Queued(id=one.id, at=_when(one), text=one.text) for one in said)


def _when(message: Message) -> str:
    return message.created_at.isoformat(timespec="seconds")


def seams(message: Message, text: str) -> tuple[Joint, ...]:
    """Where in the message's text another model went on: by the words before, for no mark can be drawn in the
    midst of a table or a formula.
    """
    return tuple(
        (_joint(_name(seam.before), _name(seam.model), text[: seam.at_chars]), seam.reason)
        for seam in message.seams
        if seam.is_fallback
    )


def _joint(before: str, after: str, text: str) -> str:
    last = " ".join(_WORDS.findall(text[-LAST_CHARS:])[-LAST_WORDS:])
    if not text.strip():
        return f"{before} failed; {after} took over."
    return f"{before} failed after “… {last}”; {after} took over."


def _name(model: str) -> str:
    """A model's own name, without its provider's."""
    return model.partition(":")[2] or model


def can_continue(message: Message, *, has_text: bool) -> bool:
    """Whether there is a text that a model could go on from."""
    if message.role is not Role.ASSISTANT or not has_text:
        return False
    cut = message.status is Status.COMPLETE and message.finish_reason is FinishReason.LENGTH
    return cut or message.status in _UNFINISHED


def ratings(window: Window) -> dict[str, str]:
    """What was said of the replies of this window."""
    return {message_id: given.value.value for message_id, given in window.feedback.items()}


def live_id(snapshots: Sequence[Snapshot]) -> str:
    """The reply that is being made; replies of one conversation are made one after another."""
    for snapshot in snapshots:
        if snapshot.message.role is Role.ASSISTANT and not snapshot.message.status.is_final:
            return snapshot.message.id
    return ""


def choice(model: Model) -> Choice:
    """A model as the picker shows it."""
    # What one compares models by; nothing of one that is none.
    able = tuple(one.value for one in Capability if one in model.capabilities and not model.notice)
    details = " · ".join([*able, f"{_count(model.context_tokens)} context"])
    return Choice(
        id=model.id,
        label=model.label,
        details="" if model.notice else details,
        able=able,
        notice=model.notice,
    )


def _count(tokens: int) -> str:
    """As vendors write it: 128k, 1M."""
    if tokens >= MILLION:
        return f"{tokens / MILLION:.2g}M"
    return f"{round(tokens / 1000)}k" if tokens % 1024 else f"{tokens // 1024}k"


def steps(readiness: Sequence[tuple[str, Readiness]]) -> list[Step]:
    """What is being made ready; and why nothing can be had, when nothing can."""
    coming = [one for _, one in readiness if one.progress is not None]
    if not coming and not any(one.usable for _, one in readiness):
        coming = [one for _, one in readiness if one.message]
    return [
        Step(message=one.message, percent=-1 if one.progress is None else round(one.progress * 100))
        for one in coming
    ]
