"""Conversations and their messages. Every query that a person's wish reaches asks for the owner, and finds
nothing that was deleted.

Statements are built once: to build one costs several times as much as to run it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, insert, literal, select, update

from chatapp.domain.conversations import Conversation, Listed
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Message
from chatapp.storage.codec import conversation_of, message_columns, message_of
from chatapp.storage.runs import GENERATING
from chatapp.storage.tables import CONVERSATIONS, MESSAGES

_conversations, _messages = CONVERSATIONS.c, MESSAGES.c
_owner: BindParameter[str] = bindparam("owner")
_id: BindParameter[str] = bindparam("wanted")
_key: BindParameter[int] = bindparam("in_key")

_mine = (_conversations.owner_id == _owner, _conversations.id == _id)
_kept = _conversations.deleted_at.is_(None)
_GET = select(CONVERSATIONS).where(*_mine, _kept)
_BY_KEY = select(CONVERSATIONS).where(_conversations.owner_id == _owner, _conversations.key == _key, _kept)
_last_used = (_conversations.updated_at.desc(), _conversations.key.desc())
_LISTED = (
    # The few that generate are found first, once: no question is asked for each conversation.
    select(CONVERSATIONS, _conversations.key.in_(GENERATING).label("generating"))
    .where(_conversations.owner_id == _owner, _conversations.archived == bindparam("archived"), _kept)
    .order_by(_conversations.pinned.desc(), *_last_used)
    .limit(bindparam("most"))
)
_LAST_MODEL = (
    select(_conversations.model)
    .where(_conversations.owner_id == _owner, _kept)
    .order_by(*_last_used)
    .limit(1)
)
_ADD = insert(CONVERSATIONS).returning(*_conversations)
_CHANGE = update(CONVERSATIONS).where(*_mine, _kept).returning(*_conversations)
_SET = update(CONVERSATIONS).where(_conversations.key == _key)
_ADD_MESSAGE = insert(MESSAGES)
_MESSAGE = select(MESSAGES).where(_messages.id == _id, _messages.owner_id == _owner)


def _branch() -> Select[Any]:
    """The tree is walked in the database: the cost grows with the end of the branch that is asked for, and
    not with the conversation."""
    leaf = select(_messages.id, _messages.parent_id, literal(1).label("depth"))
    walk = leaf.where(_messages.id == _id, _messages.conversation_key == _key).cte("walk", recursive=True)
    up = MESSAGES.alias("up").c
    parents = select(up.id, up.parent_id, walk.c.depth + 1)
    walk = walk.union_all(parents.where(up.id == walk.c.parent_id, walk.c.depth < bindparam("most")))
    return select(MESSAGES).join(walk, walk.c.id == _messages.id).order_by(walk.c.depth.desc())


_BRANCH = _branch()


class ConversationRepository:
    """Conversations and messages within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def get(self, owner_id: str, conversation_id: str) -> Conversation | None:
        """The owner's conversation with this id."""
        row = self._transaction.execute(_GET, {"owner": owner_id, "wanted": conversation_id}).first()
        return conversation_of(row) if row else None

    def by_key(self, owner_id: str, key: int) -> Conversation | None:
        """The owner's conversation with this key."""
        row = self._transaction.execute(_BY_KEY, {"owner": owner_id, "in_key": key}).first()
        return conversation_of(row) if row else None

    def listed(self, owner_id: str, *, archived: bool, limit: int) -> list[Listed]:
        """The owner's conversations, pinned ones first, then the last used; archived ones are apart."""
        where = {"owner": owner_id, "archived": archived, "most": limit}
        rows = self._transaction.execute(_LISTED, where)
        return [Listed(conversation=conversation_of(row), generating=row.generating) for row in rows]

    def last_model(self, owner_id: str) -> str:
        """The model of the conversation that was used last; "" when there is none."""
        return self._transaction.scalar(_LAST_MODEL, {"owner": owner_id}) or ""

    def add(self, *, conversation_id: str, owner_id: str, title: str, at: datetime) -> Conversation:
        """A new, empty conversation."""
        values = {
            "id": conversation_id,
            "owner_id": owner_id,
            "title": title,
            "model": "",
            "created_at": at,
            "updated_at": at,
        }
        return conversation_of(self._transaction.execute(_ADD, values).one())

    def touch(self, key: int, *, leaf_id: str, model: str, at: datetime) -> None:
        """Shows the branch that ends in `leaf_id` and moves the conversation to the top of the list, out of
        the archive too."""
        values = {"leaf_id": leaf_id, "model": model, "updated_at": at, "archived": False}
        self._transaction.execute(_SET, {"in_key": key, **values})

    def show(self, key: int, leaf_id: str | None) -> None:
        """Shows the branch that ends in `leaf_id`; None shows nothing."""
        self._transaction.execute(_SET, {"in_key": key, "leaf_id": leaf_id})

    def change(self, owner_id: str, conversation_id: str, **values: str | bool) -> Conversation | None:
        """Sets title, pinned or archived of the owner's conversation; None when it is not there."""
        where = {"owner": owner_id, "wanted": conversation_id}
        row = self._transaction.execute(_CHANGE, where | values).first()
        return conversation_of(row) if row else None

    def add_message(self, conversation: Conversation, *messages: Message) -> None:
        """New nodes in the tree, all in one statement."""
        rows = [
            {
                "id": message.id,
                "conversation_key": conversation.key,
                "owner_id": conversation.owner_id,
                "parent_id": message.parent_id,
                "role": message.role.value,
                "run_id": message.run_id,
                "created_at": message.created_at,
                "seq": 0,
                **message_columns(message),
            }
            for message in messages
        ]
        self._transaction.execute(_ADD_MESSAGE, rows)

    def message(self, owner_id: str, message_id: str) -> tuple[Conversation, Message] | None:
        """The owner's message and the conversation it belongs to."""
        row = self._transaction.execute(_MESSAGE, {"owner": owner_id, "wanted": message_id}).first()
        if row is None:
            return None
        found = self.by_key(owner_id, row.conversation_key)
        return (found, message_of(row)) if found else None

    def branch(self, conversation_key: int, leaf_id: str | None, *, limit: int) -> Sequence[Snapshot]:
        """The last `limit` messages from the leaf upwards, oldest first, as stored."""
        if leaf_id is None:
            return ()
        where = {"wanted": leaf_id, "in_key": conversation_key, "most": limit}
        rows = self._transaction.execute(_BRANCH, where)
        return [Snapshot(message=message_of(row), seq=row.seq) for row in rows]
