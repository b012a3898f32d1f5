"""Full-text search. Each database has an index of its own kind, which triggers keep."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Connection, Row, bindparam, text

from chatapp.domain.messages import Role, TextPart
from chatapp.domain.search import Hit
from chatapp.domain.snippets import snippet
from chatapp.storage.codec import load_parts
from chatapp.storage.search_postgresql import PostgresIndex
from chatapp.storage.search_sqlite import SqliteIndex
from chatapp.storage.types import UtcDateTime

#: So many of the newest messages that have the words are weighed against each other. Weighing costs 10 µs
#: each, and whoever looks for something older knows one more word of it.
POOL: Final = 300
#: Titles are few and say the most: they come first, but leave room for messages.
MOST_TITLES: Final = 8
#: A message of this age must be twice as fitting as one of now to stand beside it.
HALF_LIFE: Final = timedelta(days=90)

# The texts as they were said, not as they are in the index. FTS5's own snippets would search anew.
_HITS = (
    text(
        """
SELECT search_rows.key, conversations.id AS conversation_id, conversations.title, messages.id AS message_id,
       messages.role, messages.parts, coalesce(messages.created_at, conversations.updated_at) AS at
FROM search_rows
LEFT JOIN messages ON messages.id = search_rows.message_id
CROSS JOIN conversations
WHERE conversations.key = coalesce(messages.conversation_key, search_rows.conversation_key)
    AND search_rows.key IN :keys
"""
    )
    .columns(at=UtcDateTime(), parts=JSON())
    .bindparams(bindparam("keys", expanding=True))
)


class SearchRepository:
    """Search within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def find(self, owner_id: str, words: Sequence[str], *, limit: int) -> list[Hit]:
        """Titles, then messages of all branches, that have all these words, the last one also as a beginning.

        Of what fits as well as another, the newer comes first. The words may be any text.
        """
        kind = SqliteIndex if self._transaction.dialect.name == "sqlite" else PostgresIndex
        index = kind(self._transaction, owner_id, words)
        keys = [*_best_first(index.titles(MOST_TITLES)), *_best_first(index.texts(POOL))][:limit]
        rows = {row.key: row for row in self._transaction.execute(_HITS, {"keys": keys})}
        return [_hit(rows[key], words) for key in keys]


def _best_first(rows: Sequence[Row[Any]]) -> list[int]:
    now = datetime.now(UTC)
    # The newest come first already, and stay so among those that are worth the same.
    return [row.key for row in sorted(rows, key=lambda row: _worth(row.badness, now - row.at))]


def _worth(badness: float, age: timedelta) -> float:
    """How far down it goes: `badness` is lower for what fits better and never above 0."""
    return badness * 0.5 ** (age / HALF_LIFE)


def _hit(row: Row[Any], words: Sequence[str]) -> Hit:
    return Hit(
        conversation_id=row.conversation_id,
        title=row.title,
        message_id=row.message_id or "",
        role=Role(row.role) if row.role else None,
        at=row.at,
        snippet=snippet(_text(row) if row.message_id else row.title, words),
    )


def _text(row: Row[Any]) -> str:
    return "".join(part.text for part in load_parts(row.parts) if isinstance(part, TextPart))
