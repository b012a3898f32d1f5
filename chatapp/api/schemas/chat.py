"""Saying something, and what comes back."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from chatapp.api.schemas.base import Answer, Key, Said, Tokens
from chatapp.domain.messages import FinishReason, Message, Status
from chatapp.domain.runs import Turn


class ChatRequest(Said):
    """A message, and where it belongs."""

    session_id: Annotated[Key | None, Field(examples=["my-first-session"])] = None
    """The conversation: 1 to 64 letters, digits, hyphens or underscores. One that you do not have yet is
    made; without it a new one is."""


class ChatAnswer(Answer):
    """The whole reply."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "response": "We are open Monday to Friday, 9 to 18 h.",
                    "session_id": "support-7",
                    "message_id": "0f8fad5bd9cb469fa165708672895b4e",
                    "user_message_id": "7c9e6679f1a14b7ca1a2b3c4d5e6f708",
                    "run_id": "16fd2706838b4b9d9f6f0c2c3d4e5f60",
                    "status": "complete",
                    "finish_reason": "stop",
                    "model": "scripted:support",
                    "tokens_used": 21,
                    "usage": {"input_tokens": 9, "output_tokens": 12},
                    "timestamp": "2026-11-21T20:15:00.123456Z",
                }
            ]
        }
    )

    response: str
    session_id: str
    message_id: str
    user_message_id: str
    run_id: str
    status: Annotated[Status, Field(description="`stopped`: somebody ended it, and this is its text so far.")]
    finish_reason: Annotated[
        FinishReason | None, Field(description="`length`: it may be gone on with, by `/continue`.")
    ]
    model: str
    tokens_used: int
    usage: Tokens
    timestamp: datetime

    @classmethod
    def of(cls, turn: Turn, reply: Message) -> "ChatAnswer":
        """A turn whose reply has ended."""
        return cls(
            response=reply.text,
            session_id=turn.conversation_id,
            message_id=turn.message_id,
            user_message_id=turn.user_message_id,
            run_id=turn.run_id,
            status=reply.status,
            finish_reason=reply.finish_reason,
            model=reply.model,
            tokens_used=reply.usage.total_tokens,
            usage=Tokens.of(reply.usage),
            timestamp=reply.created_at,
        )
