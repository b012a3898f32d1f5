"""The shape of conversations: branches, siblings, leaves. Walked in the database, and without the texts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, literal, select

from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Role
from chatapp.domain.tree import Node
from chatapp.storage.codec import message_of
from chatapp.storage.tables import MESSAGES

_messages = MESSAGES.c
_id: BindParameter[str] = bindparam("wanted")
_key: BindParameter[int] = bindparam("in_key")
_ids: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)

_PICKED = select(MESSAGES).where(_messages.id.in_(_ids), _messages.conversation_key == _key)
_children = MESSAGES.alias("children")
_is_leaf = ~(
    select(literal(1))
    .where(_children.c.conversation_key == _messages.conversation_key, _children.c.parent_id == _messages.id)
    .exists()
)
_newest_first = (_messages.created_at.desc(), _messages.id.desc())
_NEWEST_LEAF = (
    select(_messages.id).where(_messages.conversation_key == _key, _is_leaf).order_by(*_newest_first).limit(1)
)
_node = (_messages.id, _messages.parent_id, _messages.role, _messages.created_at)
_SIBLINGS = select(*_node).where(_messages.conversation_key == _key, _messages.parent_id.in_(_ids))
#: In two questions: for both at once ("in these or none") SQLite would read the whole conversation.
_SIBLINGS_AND_ROOTS = _SIBLINGS.union_all(
    select(*_node).where(_messages.conversation_key == _key, _messages.parent_id.is_(None))
)


def _path() -> Select[Any]:
    leaf = select(_messages.id, _messages.parent_id, literal(1).label("depth"))
    walk = leaf.where(_messages.id == _id, _messages.conversation_key == _key).cte("walk", recursive=True)
    up = MESSAGES.alias("up").c
    walk = walk.union_all(
        select(up.id, up.parent_id, walk.c.depth + 1).where(
            up.id == walk.c.parent_id, up.conversation_key == _key
        )
    )
    return select(walk.c.id).order_by(walk.c.depth.desc())


def _newest_leaf_below() -> Select[Any]:
    top = select(_messages.id).where(_messages.id == _id, _messages.conversation_key == _key)
    walk = top.cte("below", recursive=True)
    down = MESSAGES.alias("down").c
    walk = walk.union_all(select(down.id).where(down.conversation_key == _key, down.parent_id == walk.c.id))
    below = select(_messages.id).join(walk, walk.c.id == _messages.id)
    return below.where(_is_leaf).order_by(*_newest_first).limit(1)


_PATH = _path()
_NEWEST_LEAF_BELOW = _newest_leaf_below()


class TreeRepository:
    """The shape of conversations within one transaction. The key says whose they are: ask for it first."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def path(self, conversation_key: int, leaf_id: str) -> list[str]:
        """The ids of a branch from its root to this leaf; empty when the leaf is not there."""
        where = {"wanted": leaf_id, "in_key": conversation_key}
        return list(self._transaction.scalars(_PATH, where))

    def snapshots(self, conversation_key: int, ids: Sequence[str]) -> list[Snapshot]:
        """These messages as stored, in this order."""
        rows = self._transaction.execute(_PICKED, {"ids": list(ids), "in_key": conversation_key})
        found = {row.id: Snapshot(message=message_of(row), seq=row.seq) for row in rows}
        return [found[one] for one in ids if one in found]

    def newest_leaf(self, conversation_key: int, message_id: str | None) -> str | None:
        """The last made leaf of the branches through this message, or of all; None when there is none."""
        where: dict[str, Any] = {"in_key": conversation_key}
        if message_id is None:
            return self._transaction.scalar(_NEWEST_LEAF, where)
        return self._transaction.scalar(_NEWEST_LEAF_BELOW, where | {"wanted": message_id})

    def children(self, conversation_key: int, parents: Sequence[str | None]) -> list[Node]:
        """All messages that answer one of these; None stands for those that begin the conversation."""
        statement = _SIBLINGS_AND_ROOTS if None in parents else _SIBLINGS
        ids = [parent for parent in parents if parent is not None]
        rows = self._transaction.execute(statement, {"ids": ids, "in_key": conversation_key})
        return [
            Node(id=id_, parent_id=parent_id, role=Role(role), created_at=created_at)
            for id_, parent_id, role, created_at in rows
        ]
