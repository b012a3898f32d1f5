"""Conversations and their messages. Every query that a person's wish reaches asks for the owner."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, literal, select, update

from chatapp.domain.conversations import Conversation
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Message
from chatapp.storage.codec import conversation_of, message_columns, message_of
from chatapp.storage.tables import CONVERSATIONS, MESSAGES


class ConversationRepository:
    """Conversations and messages within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def get(self, owner_id: str, conversation_id: str) -> Conversation | None:
        """The owner's conversation with this id."""
        row = self._transaction.execute(
            select(CONVERSATIONS).where(
                CONVERSATIONS.c.owner_id == owner_id, CONVERSATIONS.c.id == conversation_id
            )
        ).first()
        return conversation_of(row) if row else None

    def newest(self, owner_id: str, *, limit: int) -> list[Conversation]:
        """The owner's conversations, the last used first."""
        rows = self._transaction.execute(
            select(CONVERSATIONS)
            .where(CONVERSATIONS.c.owner_id == owner_id)
            .order_by(CONVERSATIONS.c.updated_at.desc(), CONVERSATIONS.c.key.desc())
            .limit(limit)
        )
        return [conversation_of(row) for row in rows]

    def add(self, *, conversation_id: str, owner_id: str, title: str, at: datetime) -> Conversation:
        """A new, empty conversation."""
        added = self._transaction.execute(
            insert(CONVERSATIONS)
            .values(
                id=conversation_id, owner_id=owner_id, title=title, model="", created_at=at, updated_at=at
            )
            .returning(*CONVERSATIONS.c)
        )
        return conversation_of(added.one())

    def touch(self, key: int, *, leaf_id: str, model: str, at: datetime) -> None:
        """Shows the branch that ends in `leaf_id` and moves the conversation to the top of the list."""
        self._transaction.execute(
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.key == key)
            .values(leaf_id=leaf_id, model=model, updated_at=at)
        )

    def delete(self, owner_id: str, conversation_id: str) -> bool:
        """Deletes it with all that belongs to it; False when it is not there."""
        result = self._transaction.execute(
            delete(CONVERSATIONS)
            .where(CONVERSATIONS.c.owner_id == owner_id, CONVERSATIONS.c.id == conversation_id)
            .returning(CONVERSATIONS.c.key)
        )
        return result.first() is not None

    def add_message(self, conversation: Conversation, message: Message) -> None:
        """A new node in the tree."""
        self._transaction.execute(
            insert(MESSAGES),
            dict(
                id=message.id,
                conversation_key=conversation.key,
                owner_id=conversation.owner_id,
                parent_id=message.parent_id,
                role=message.role.value,
                run_id=message.run_id,
                created_at=message.created_at,
                seq=0,
                **message_columns(message),
            ),
        )

    def message(self, owner_id: str, message_id: str) -> tuple[Conversation, Message] | None:
        """The owner's message and the conversation it belongs to."""
        row = self._transaction.execute(
            select(MESSAGES).where(MESSAGES.c.id == message_id, MESSAGES.c.owner_id == owner_id)
        ).first()
        if row is None:
            return None
        conversation = self._transaction.execute(
            select(CONVERSATIONS).where(
                CONVERSATIONS.c.key == row.conversation_key, CONVERSATIONS.c.owner_id == owner_id
            )
        ).one()
        return conversation_of(conversation), message_of(row)

    def branch(self, conversation_key: int, leaf_id: str | None, *, limit: int) -> Sequence[Snapshot]:
        """The last `limit` messages from the leaf upwards, oldest first, as stored.

        The tree is walked in the database: its cost grows with the branch's end that is asked for, not with
        the conversation.
        """
        if leaf_id is None:
            return ()
        walk = (
            select(MESSAGES.c.id, MESSAGES.c.parent_id, literal(1).label("depth"))
            .where(MESSAGES.c.id == leaf_id, MESSAGES.c.conversation_key == conversation_key)
            .cte("walk", recursive=True)
        )
        up = MESSAGES.alias("up").c
        walk = walk.union_all(
            select(up.id, up.parent_id, walk.c.depth + 1).where(
                up.id == walk.c.parent_id, walk.c.depth < limit
            )
        )
        rows = self._transaction.execute(
            select(MESSAGES).join(walk, walk.c.id == MESSAGES.c.id).order_by(walk.c.depth.desc())
        )
        return [Snapshot(message=message_of(row), seq=row.seq) for row in rows]
