"""What was deleted and can still be had back.

A deleted conversation keeps its row, and with it its id and key: who watches it goes on hearing of it. What
is *put aside* (cleared, or deleted before its id was used again) gets a row of its own under an id that no
client can name. So does what is *unseen*, deleted from its beginning: it comes from no conversation and goes
back to none.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from chatapp.domain.conversations import Conversation
from chatapp.domain.ids import new_id
from chatapp.storage.codec import conversation_of
from chatapp.storage.runs import GENERATING, UNSEEN
from chatapp.storage.tables import CONVERSATIONS, MESSAGES, RUNS

_conversations = CONVERSATIONS.c
_owner: BindParameter[str] = bindparam("owner")
_id: BindParameter[str] = bindparam("wanted")
_key: BindParameter[int] = bindparam("in_key")
_before: BindParameter[datetime] = bindparam("before")
_deleted = _conversations.deleted_at.is_not(None)
#: Not among the characters of an id that clients may make up.
_ASIDE = "~"

_GET = select(CONVERSATIONS).where(_conversations.owner_id == _owner, _conversations.id == _id, _deleted)
#: What is older is not to be had back: a part of it may be purged already.
_still_whole = _conversations.deleted_at >= bindparam("since")
_ASIDE_OF = (
    select(CONVERSATIONS)
    .where(_conversations.owner_id == _owner, _conversations.former_id == _id, _still_whole)
    .order_by(_conversations.key.desc())
)
_SET = update(CONVERSATIONS).where(_conversations.key == _key)
_BEGIN_ANEW = _SET.returning(*_conversations)
_RESTORE = (
    update(CONVERSATIONS)
    # What was put aside comes back into the conversation that it was taken from, and not as one of its own.
    .where(_conversations.owner_id == _owner, _conversations.id == _id, _conversations.former_id.is_(None))
    .where(_still_whole)
    .values(deleted_at=None)
    .returning(*_conversations)
)
_ADD = insert(CONVERSATIONS).returning(_conversations.key)
_ADD_UNSEEN = insert(CONVERSATIONS).returning(*_conversations)
_MOVES = tuple(
    update(table).where(table.c.conversation_key == _key).values(conversation_key=bindparam("to_key"))
    for table in (MESSAGES, RUNS)
)
_FORGET = delete(CONVERSATIONS).where(_conversations.key == _key)
_EXPIRED = (
    select(_conversations.key, _conversations.owner_id)
    .where(_conversations.deleted_at < _before, _conversations.key.not_in(GENERATING))
    .limit(1)
)
_IS_EXPIRED = _EXPIRED.where(_conversations.key == _key)
_PURGES = tuple(
    delete(table)
    .where(
        table.c.id.in_(select(table.c.id).where(table.c.conversation_key == _key).limit(bindparam("most")))
    )
    .returning(table.c.id)
    for table in (MESSAGES, RUNS)
)


class Expired(NamedTuple):
    """A deleted conversation that nobody can have back."""

    key: int
    owner_id: str


class DeletedRepository:
    """Deleted conversations within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def delete(self, key: int, *, at: datetime) -> None:
        """No query finds the conversation any more, but for those here."""
        self._transaction.execute(_SET, {"in_key": key, "deleted_at": at})

    def get(self, owner_id: str, conversation_id: str) -> Conversation | None:
        """The owner's deleted conversation that has this id."""
        row = self._transaction.execute(_GET, {"owner": owner_id, "wanted": conversation_id}).first()
        return conversation_of(row) if row else None

    def aside_of(self, owner_id: str, conversation_id: str, *, since: datetime) -> list[Conversation]:
        """What was put aside since then of the owner's conversation with this id, the last first."""
        where = {"owner": owner_id, "wanted": conversation_id, "since": since}
        rows = self._transaction.execute(_ASIDE_OF, where)
        return [conversation_of(row) for row in rows]

    def add_unseen(self, owner_id: str, *, at: datetime) -> Conversation:
        """A new, empty conversation that is deleted already; its runs are found (`RunRepository.own`)."""
        values = {
            "id": _ASIDE + new_id(),
            "former_id": UNSEEN,
            "owner_id": owner_id,
            "title": "",
            "created_at": at,
            "updated_at": at,
            "deleted_at": at,
        }
        return conversation_of(self._transaction.execute(_ADD_UNSEEN, values).one())

    def restore(self, owner_id: str, conversation_id: str, *, since: datetime) -> Conversation | None:
        """Takes a deletion back; None when no conversation with this id was deleted since then."""
        where = {"owner": owner_id, "wanted": conversation_id, "since": since}
        row = self._transaction.execute(_RESTORE, where).first()
        return conversation_of(row) if row else None

    def put_aside(self, conversation: Conversation, *, at: datetime) -> str:
        """Empties the conversation; what was in it is deleted as of this time. Returns its new id."""
        aside_id = _ASIDE + new_id()
        values = {
            "id": aside_id,
            "former_id": conversation.id,
            "owner_id": conversation.owner_id,
            "title": conversation.title,
            "model": conversation.model,
            "leaf_id": conversation.leaf_id,
            "created_at": conversation.created_at,
            "updated_at": conversation.updated_at,
            "deleted_at": at,
        }
        to_key = self._transaction.execute(_ADD, values).scalar_one()
        self._move(conversation.key, to_key)
        self._transaction.execute(_SET, {"in_key": conversation.key, "leaf_id": None})
        return aside_id

    def begin_anew(self, conversation: Conversation, *, title: str, at: datetime) -> Conversation:
        """A deleted conversation whose id is used again: what was in it is put aside, and nothing of it is
        seen in the new one."""
        self.put_aside(conversation, at=at)
        values = {
            "in_key": conversation.key,
            "title": title,
            "model": "",
            "pinned": False,
            "archived": False,
            "deleted_at": None,
            "created_at": at,
            "updated_at": at,
        }
        return conversation_of(self._transaction.execute(_BEGIN_ANEW, values).one())

    def put_back(self, aside: Conversation, into: Conversation) -> None:
        """The reverse of `put_aside`; the conversation must be empty."""
        self._move(aside.key, into.key)
        self._transaction.execute(_SET, {"in_key": into.key, "leaf_id": aside.leaf_id})
        self._transaction.execute(_FORGET, {"in_key": aside.key})

    def expired(self, *, before: datetime) -> Expired | None:
        """One that was deleted before this time. Those in which a reply is just being stopped wait."""
        row = self._transaction.execute(_EXPIRED, {"before": before}).first()
        return Expired(row.key, row.owner_id) if row else None

    def purge(self, key: int, *, before: datetime, most: int) -> int | None:
        """Removes for good a part of it, if it is such a one: so many of its messages, or what is left of it.

        Returns how many conversations are gone with that, 0 or 1; None when there is nothing to remove.
        """
        if self._transaction.execute(_IS_EXPIRED, {"before": before, "in_key": key}).first() is None:
            return None
        return int(purge_part(self._transaction, key, most=most))

    def _move(self, key: int, to_key: int) -> None:
        for move in _MOVES:
            self._transaction.execute(move, {"in_key": key, "to_key": to_key})


def purge_part(transaction: Connection, key: int, *, most: int) -> bool:
    """Removes so many messages of a conversation for good, or what is left of it: then True."""
    gone = [transaction.execute(part, {"in_key": key, "most": most}).all() for part in _PURGES]
    if any(len(rows) == most for rows in gone):
        return False
    transaction.execute(_FORGET, {"in_key": key})
    return True
