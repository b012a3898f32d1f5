"""What people think of replies."""

from datetime import UTC, datetime
from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import ConversationBusy, Invalid, NotFound
from chatapp.domain.feedback import Feedback, Rating
from chatapp.domain.messages import Role
from chatapp.domain.texts import clean
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.feedback import FeedbackRepository
from chatapp.streams.base import Broadcast, Rated, conversation_topic

__all__ = ["MAX_COMMENT_CHARS", "Feedback", "FeedbackService", "Rating"]

#: A comment is a sentence or a paragraph, and not the better answer.
MAX_COMMENT_CHARS: Final = 2_000


class FeedbackService:
    """Good or bad, and why; one for each account and reply."""

    def __init__(self, *, database: Database, broadcast: Broadcast) -> None:
        self._database: Database = database
        self._broadcast: Broadcast = broadcast

    async def give(
        self, principal: Principal, *, message_id: str, value: Rating | None, comment: str = ""
    ) -> Feedback | None:
        """Rates a reply, in place of what was said of it before; None takes that back.

        Raises `NotFound` (also for what is no reply), `ConversationBusy` (it is still being made), `Invalid`.
        """
        comment = clean(comment).strip()
        if len(comment) > MAX_COMMENT_CHARS:
            raise Invalid(f"A comment has at most {MAX_COMMENT_CHARS:,} characters.")
        given = Feedback(value=value, at=datetime.now(UTC), comment=comment) if value else None

        def work(transaction: Transaction) -> Conversation:
            found = ConversationRepository(transaction).message(principal.account_id, message_id)
            if found is None or found[1].role is not Role.ASSISTANT:
                raise NotFound
            if not found[1].status.is_final:
                raise ConversationBusy
            FeedbackRepository(transaction).put(principal.account_id, message_id, given)
            return found[0]

        conversation = await self._database.write(work, of=principal.account_id)
        rated = Rated(message_id=message_id, value=value)
        self._broadcast.publish(conversation_topic(conversation.key), rated)
        return given
