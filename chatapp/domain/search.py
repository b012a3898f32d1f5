"""What a search finds."""

from dataclasses import dataclass
from datetime import datetime

from chatapp.domain.messages import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A message, or a title (`message_id` is "", `role` None), that has all words of the query.

    `snippet` is the part of the text around them, in pieces: the text, and whether it is one of the words.
    """

    conversation_id: str
    title: str
    message_id: str
    role: Role | None
    at: datetime
    snippet: tuple[tuple[str, bool], ...]
