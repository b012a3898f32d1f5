"""The making of a reply."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chatapp.api.schemas.base import Answer
from chatapp.domain.messages import Status
from chatapp.services.runs import RunInfo


class RunAnswer(Answer):
    """A run: the making of one reply."""

    run_id: Annotated[str, Field(examples=["16fd2706838b4b9d9f6f0c2c3d4e5f60"])]
    session_id: Annotated[str, Field(examples=["support-7"])]
    user_message_id: str
    """What it answers."""
    message_id: str
    """The reply."""
    model: Annotated[str, Field(examples=["scripted:support"])]
    """The model that was asked for; another may have gone on."""
    status: Status
    created_at: datetime

    @classmethod
    def of(cls, run: RunInfo) -> "RunAnswer":
        """As programs know it."""
        return cls(
            run_id=run.id,
            session_id=run.conversation_id,
            user_message_id=run.user_message_id,
            message_id=run.message_id,
            model=run.model,
            status=run.status,
            created_at=run.created_at,
        )
