"""An owner's conversations page by page, the newest first.

By when they were begun, which never changes: whatever is sent, renamed or pinned meanwhile, a reader that
goes from page to page sees each conversation once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, tuple_

from chatapp.domain.conversations import Listed
from chatapp.storage.codec import conversation_of
from chatapp.storage.runs import GENERATING
from chatapp.storage.tables import CONVERSATIONS
from chatapp.storage.types import UtcDateTime

_conversations = CONVERSATIONS.c
_FIRST = (
    select(CONVERSATIONS, _conversations.key.in_(GENERATING).label("generating"))
    .where(
        _conversations.owner_id == bindparam("owner"),
        _conversations.archived == bindparam("archived"),
        _conversations.deleted_at.is_(None),
    )
    .order_by(_conversations.created_at.desc(), _conversations.id.desc())
    .limit(bindparam("most"))
)
_NEXT = _FIRST.where(
    tuple_(_conversations.created_at, _conversations.id)
    < tuple_(bindparam("created_at", type_=UtcDateTime()), bindparam("id"))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Between two conversations of the list: after the one that was begun then and has this id."""

    created_at: datetime
    id: str


class PageRepository:
    """Pages of conversations within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def after(self, owner_id: str, place: Place | None, *, archived: bool, limit: int) -> list[Listed]:
        """The next ones of the owner's; from the newest on without a place."""
        where = {"owner": owner_id, "archived": archived, "most": limit}
        if place is not None:
            where |= {"created_at": place.created_at, "id": place.id}
        rows = self._transaction.execute(_NEXT if place else _FIRST, where)
        return [Listed(conversation=conversation_of(row), generating=row.generating) for row in rows]
