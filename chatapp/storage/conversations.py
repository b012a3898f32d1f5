"""Conversations and their messages. Every query that a person's wish reaches asks for the owner."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, literal, select, update
from sqlalchemy.orm import Session

from chatapp.domain.conversations import Conversation
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Message
from chatapp.storage.codec import conversation_of, dump_parts, message_of
from chatapp.storage.tables import ConversationRow, MessageRow, columns, table_of

_conversations = columns(ConversationRow)
_messages = columns(MessageRow)


class ConversationRepository:
    """Conversations and messages within one transaction."""

    def __init__(self, transaction: Session) -> None:
        self._transaction: Session = transaction

    def get(self, owner_id: str, conversation_id: str) -> Conversation | None:
        """The owner's conversation with this id."""
        row = self._transaction.scalar(
            select(ConversationRow).where(
                _conversations.owner_id == owner_id, _conversations.id == conversation_id
            )
        )
        return conversation_of(row) if row else None

    def newest(self, owner_id: str, *, limit: int) -> list[Conversation]:
        """The owner's conversations, the last used first."""
        rows = self._transaction.scalars(
            select(ConversationRow)
            .where(_conversations.owner_id == owner_id)
            .order_by(_conversations.updated_at.desc(), _conversations.key.desc())
            .limit(limit)
        )
        return [conversation_of(row) for row in rows]

    def add(self, *, conversation_id: str, owner_id: str, title: str, at: datetime) -> Conversation:
        """A new, empty conversation."""
        row = ConversationRow(
            id=conversation_id, owner_id=owner_id, title=title, created_at=at, updated_at=at
        )
        self._transaction.add(row)
        self._transaction.flush()
        return conversation_of(row)

    def touch(self, key: int, *, leaf_id: str, model: str, at: datetime) -> None:
        """Shows the branch that ends in `leaf_id` and moves the conversation to the top of the list."""
        self._transaction.execute(
            update(ConversationRow)
            .where(_conversations.key == key)
            .values(leaf_id=leaf_id, model=model, updated_at=at)
        )

    def delete(self, owner_id: str, conversation_id: str) -> bool:
        """Deletes it with all that belongs to it; False when it is not there."""
        result = self._transaction.execute(
            delete(ConversationRow)
            .where(_conversations.owner_id == owner_id, _conversations.id == conversation_id)
            .returning(_conversations.key)
        )
        return result.first() is not None

    def add_message(self, conversation: Conversation, message: Message) -> None:
        """A new node in the tree."""
        self._transaction.add(
            MessageRow(
                id=message.id,
                conversation_key=conversation.key,
                owner_id=conversation.owner_id,
                parent_id=message.parent_id,
                role=message.role.value,
                status=message.status.value,
                parts=dump_parts(message.parts),
                model=message.model,
                run_id=message.run_id,
                created_at=message.created_at,
            )
        )
        self._transaction.flush()

    def message(self, owner_id: str, message_id: str) -> tuple[Conversation, Message] | None:
        """The owner's message and the conversation it belongs to."""
        found = (
            self._transaction.execute(
                select(MessageRow, ConversationRow)
                .join(ConversationRow, _conversations.key == _messages.conversation_key)
                .where(_messages.id == message_id, _conversations.owner_id == owner_id)
            )
        ).first()
        return (conversation_of(found[1]), message_of(found[0])) if found else None

    def branch(self, conversation_key: int, leaf_id: str | None, *, limit: int) -> Sequence[Snapshot]:
        """The last `limit` messages from the leaf upwards, oldest first, as stored.

        The tree is walked in the database: its cost grows with the branch's end that is asked for, not with
        the conversation.
        """
        if leaf_id is None:
            return ()
        walk = (
            select(_messages.id, _messages.parent_id, literal(1).label("depth"))
            .where(_messages.id == leaf_id, _messages.conversation_key == conversation_key)
            .cte("walk", recursive=True)
        )
        up = table_of(MessageRow).alias("up").c
        walk = walk.union_all(
            select(up.id, up.parent_id, walk.c.depth + 1).where(
                up.id == walk.c.parent_id, walk.c.depth < limit
            )
        )
        rows = self._transaction.scalars(
            select(MessageRow).join(walk, walk.c.id == _messages.id).order_by(walk.c.depth.desc())
        )
        return [Snapshot(message=message_of(row), seq=row.seq) for row in rows]
