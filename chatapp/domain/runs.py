"""A run makes one assistant message; it may take several attempts."""

from dataclasses import dataclass
from datetime import datetime

from chatapp.domain.messages import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """The making of one assistant message.

    `attempt` counts the claims: 0 is not yet claimed. Every write of a run carries its attempt (fencing).
    `continues` is the message whose text this reply begins with ("Continue"), or None.
    """

    id: str
    owner_id: str
    conversation_key: int
    message_id: str
    model: str
    status: Status
    created_at: datetime
    attempt: int = 0
    cancel_requested: bool = False
    continues: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What a send made: a user message and the run that answers it."""

    conversation_id: str
    user_message_id: str
    message_id: str
    run_id: str
