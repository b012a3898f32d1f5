"""Conversations, and what was said in them."""

import base64
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from chatapp.api.schemas.base import AgentId, Answer, Body, Key, ModelId, Tokens
from chatapp.domain.agents import DEFAULT_AGENT
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import Invalid
from chatapp.domain.feedback import Feedback, Rating
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import FinishReason, Role, Status
from chatapp.domain.texts import MAX_TITLE_CHARS
from chatapp.services.conversations import Listed, Place, Window

_EXAMPLE: Final[JsonDict] = {
    "session_id": "support-7",
    "title": "What are your opening hours?",
    "agent": "default",
    "model": "scripted:support",
    "pinned": False,
    "archived": False,
    "generating": False,
    "created_at": "2026-11-21T20:14:59.987654Z",
    "updated_at": "2026-11-21T20:15:01.5Z",
}
Title = Annotated[str, Field(min_length=1, max_length=2 * MAX_TITLE_CHARS)]


class NewSession(Body):
    """A conversation to be begun; nothing of it is needed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"session_id": "support-7"}]})

    session_id: Annotated[Key | None, Field(description="An id of your own; without it one is made.")] = None
    agent: Annotated[AgentId, Field(description="Without it, `default`.")] = ""
    model: ModelId = ""
    title: Annotated[Title | None, Field(description="Without it: the first words that are said.")] = None


class SessionChange(Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Opening hours", "pinned": True}]})

    title: Title | None = None
    pinned: StrictBool | None = None
    archived: StrictBool | None = None


class SessionInfo(Answer):
    """A conversation, without its messages. `generating`: a reply is queued or being made in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    session_id: str
    title: str
    agent: str
    model: Annotated[str, Field(description="The last one that was asked; empty before the first.")]
    pinned: bool
    archived: bool
    generating: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, listed: Listed) -> "SessionInfo":
        """As it is now."""
        conversation = listed.conversation
        return cls(
            session_id=conversation.id,
            title=conversation.title,
            agent=DEFAULT_AGENT.id,
            model=conversation.model,
            pinned=conversation.pinned,
            archived=conversation.archived,
            generating=listed.generating,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
        )


class SessionPage(Answer):
    """A part of the list. `next_cursor` is null on the last page."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sessions": [_EXAMPLE], "next_cursor": "MjAyNi0xMS0yMVQyMDox"}]}
    )

    sessions: list[SessionInfo]
    next_cursor: str | None


class Deleted(Answer):
    """It is gone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": "support-7"}]})

    session_id: str


class VersionInfo(Answer):
    """Where a message stands among its versions, from 1, the oldest first."""

    index: int
    count: int
    previous_id: str | None
    next_id: str | None


class FailureInfo(Answer):
    """Why a reply failed: `code` is stable, `message` is for people."""

    code: str
    message: str


class FeedbackInfo(Answer):
    """What one thinks of a reply."""

    value: Rating
    comment: str
    timestamp: datetime

    @classmethod
    def of(cls, feedback: Feedback) -> "FeedbackInfo":
        """The same."""
        return cls(value=feedback.value, comment=feedback.comment, timestamp=feedback.at)


class SeamInfo(Answer):
    """A place in a reply from which on another attempt wrote: after a crash, or in place of a model that
    failed."""

    at_chars: Annotated[int, Field(description="Characters of text before it.")]
    model: Annotated[str, Field(description="The model that goes on.")]
    before: Annotated[str, Field(description="The model that did not get further.")]
    reason: str


class MessageInfo(Answer):
    """A message. A reply that is being made has its text so far."""

    id: Annotated[str, Field(examples=["0f8fad5bd9cb469fa165708672895b4e"])]
    role: Annotated[Role, Field(examples=["assistant"])]
    content: Annotated[
        str,
        Field(
            description="Markdown, as the model wrote it; or what was said.",
            examples=["We are open Monday to Friday, 9 to 18 h."],
        ),
    ]
    timestamp: datetime
    status: Status
    parent_id: str | None
    run_id: str | None
    model: str
    reasoning: str
    finish_reason: FinishReason | None
    usage: Tokens
    tokens_used: int
    failure: FailureInfo | None
    seams: list[SeamInfo]
    left_out: Annotated[int, Field(description="Earlier messages that did not fit the model's window.")]
    versions: Annotated[VersionInfo | None, Field(description="Null where there is one only.")]
    feedback: FeedbackInfo | None

    @classmethod
    def of(cls, snapshot: Snapshot, window: Window) -> "MessageInfo":
        """A message of this window."""
        message, failure = snapshot.message, snapshot.message.failure
        versions, feedback = window.versions.get(message.id), window.feedback.get(message.id)
        return cls(
            id=message.id,
            role=message.role,
            content=message.text,
            timestamp=message.created_at,
            status=message.status,
            parent_id=message.parent_id,
            run_id=message.run_id,
            model=message.model,
            reasoning=message.reasoning,
            finish_reason=message.finish_reason,
            usage=Tokens.of(message.usage),
            tokens_used=message.usage.total_tokens,
            failure=FailureInfo(code=failure.code, message=failure.message) if failure else None,
            seams=[
                SeamInfo(at_chars=seam.at_chars, model=seam.model, before=seam.before, reason=seam.reason)
                for seam in message.seams
            ],
            left_out=message.left_out,
            versions=VersionInfo(
                index=versions.index,
                count=versions.count,
                previous_id=versions.previous_id or None,
                next_id=versions.next_id or None,
            )
            if versions
            else None,
            feedback=FeedbackInfo.of(feedback) if feedback else None,
        )


class History(Answer):
    """The branch that is shown, or a part of it, the oldest message first.

    `before` is null when it begins with the first message; else the rest is asked for with it.
    """

    session_id: str
    title: str
    history: list[MessageInfo]
    before: str | None

    @classmethod
    def of(cls, window: Window) -> "History":
        """The messages of this window."""
        snapshots = window.snapshots
        return cls(
            session_id=window.conversation.id,
            title=window.conversation.title,
            history=[MessageInfo.of(one, window) for one in snapshots],
            before=snapshots[0].message.id if snapshots and window.has_earlier else None,
        )


def cursor_after(conversation: Conversation) -> str:
    """Where the next page begins; opaque for clients."""
    place = f"{conversation.created_at.isoformat()} {conversation.id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """What `cursor_after` wrote. Raises `Invalid` for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, conversation_id = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
        )
        created_at = datetime.fromisoformat(at)
        if created_at.utcoffset() != timedelta() or not conversation_id:
            raise ValueError("not a time and an id")
    except ValueError:
        raise Invalid("This is no cursor.", advice="Please begin with the first page.") from None
    return Place(created_at=created_at, id=conversation_id)
