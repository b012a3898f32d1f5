"""What is done to a message."""

from typing import Annotated

from pydantic import ConfigDict, Field

from chatapp.api.schemas.base import Answer, Body, ModelId, Repeatable
from chatapp.api.schemas.sessions import FeedbackInfo
from chatapp.domain.feedback import Rating
from chatapp.domain.runs import Turn
from chatapp.services.feedback import MAX_COMMENT_CHARS


class Edit(Repeatable):
    """Other words for what was said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "And on holidays?"}]})

    message: str
    model: Annotated[ModelId, Field(description="Empty: the conversation's.")] = ""


class Regenerate(Repeatable):
    """Another reply to the same message."""

    model: Annotated[ModelId, Field(description="Empty: the one that answered before.")] = ""


class Continue(Repeatable):
    """Going on from where a reply ended."""


class Begun(Answer):
    """A reply that is going to be made: `message_id` is the reply's, and `events` is where it can be read."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "16fd2706838b4b9d9f6f0c2c3d4e5f60",
                    "message_id": "0f8fad5bd9cb469fa165708672895b4e",
                    "user_message_id": "7c9e6679f1a14b7ca1a2b3c4d5e6f708",
                    "session_id": "support-7",
                    "events": "/api/runs/16fd2706838b4b9d9f6f0c2c3d4e5f60/events",
                }
            ]
        }
    )

    run_id: str
    message_id: str
    user_message_id: str
    session_id: str
    events: str

    @classmethod
    def of(cls, turn: Turn) -> "Begun":
        """A turn that was just queued."""
        return cls(
            run_id=turn.run_id,
            message_id=turn.message_id,
            user_message_id=turn.user_message_id,
            session_id=turn.conversation_id,
            events=f"/api/runs/{turn.run_id}/events",
        )


class FeedbackGiven(Body):
    """What one thinks of a reply; null takes it back, comment and all."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"value": "bad", "comment": "We are open on Sundays."}]}
    )

    value: Rating | None
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARS)] = ""


class FeedbackKept(Answer):
    """What is kept now."""

    message_id: Annotated[str, Field(examples=["0f8fad5bd9cb469fa165708672895b4e"])]
    feedback: FeedbackInfo | None
