"""Full-text search on SQLite (FTS5). Its index is kept by triggers: see migration 0003.

Another database gets a class of its own with the same calls.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Connection, Row, TextClause, bindparam, text

from chatapp.domain.messages import Role, TextPart
from chatapp.domain.scripts import spaced
from chatapp.domain.search import Hit
from chatapp.domain.snippets import snippet
from chatapp.storage.codec import load_parts
from chatapp.storage.types import UtcDateTime

#: So many of the newest messages that have the words are weighed against each other. Weighing costs 10 µs
#: each, and whoever looks for something older knows one more word of it.
POOL: Final = 300
#: Titles are few and say the most: they come first, but leave room for messages.
MOST_TITLES: Final = 8
#: A message of this age must be twice as fitting as one of now to stand beside it.
HALF_LIFE: Final = timedelta(days=90)

_MATCHING: Final = """
FROM search_index
CROSS JOIN search_rows ON search_rows.key = search_index.rowid
LEFT JOIN messages ON messages.id = search_rows.message_id
CROSS JOIN conversations
    ON conversations.key = coalesce(messages.conversation_key, search_rows.conversation_key)
WHERE search_index MATCH :match AND conversations.owner_id = :owner AND conversations.deleted_at IS NULL
ORDER BY search_index.rowid DESC LIMIT :most
"""


def _candidates(values: str) -> TextClause:
    return text(f"SELECT search_index.rowid AS key, {values} {_MATCHING}")


# CROSS JOIN: in this order, whatever SQLite thinks of the sizes of the tables.
_TITLES = _candidates("conversations.updated_at AS at, bm25(search_index, 0, 1, 0) AS badness").columns(
    at=UtcDateTime()
)
_TEXTS = _candidates("messages.created_at AS at, bm25(search_index, 0, 0, 1) AS badness").columns(
    at=UtcDateTime()
)
# The texts as they were said, not as they are in the index. FTS5's own snippets would search anew.
_HITS = (
    text(
        """
SELECT search_rows.key, conversations.id AS conversation_id, conversations.title, messages.id AS message_id,
       messages.role, messages.parts, coalesce(messages.created_at, conversations.updated_at) AS at
FROM search_rows
LEFT JOIN messages ON messages.id = search_rows.message_id
CROSS JOIN conversations
    ON conversations.key = coalesce(messages.conversation_key, search_rows.conversation_key)
WHERE search_rows.key IN :keys
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
        titles = self._keys(_TITLES, _match(owner_id, "title", words), owner_id, MOST_TITLES)
        texts = self._keys(_TEXTS, _match(owner_id, "text", words), owner_id, POOL)
        keys = [*titles, *texts][:limit]
        rows = {row.key: row for row in self._transaction.execute(_HITS, {"keys": keys})}
        return [_hit(rows[key], words) for key in keys]

    def _keys(self, statement: Any, match: str, owner_id: str, most: int) -> list[int]:
        rows = self._transaction.execute(statement, {"match": match, "owner": owner_id, "most": most}).all()
        now = datetime.now(UTC)
        # The newest come first already, and stay so among those that are worth the same.
        return [row.key for row in sorted(rows, key=lambda row: _worth(row.badness, now - row.at))]


def _match(owner_id: str, column: str, words: Sequence[str]) -> str:
    """FTS5's query: each word quoted, so that nothing in it is syntax."""
    quoted = " AND ".join(_quoted(spaced(word)) for word in words)
    return f"owner : {_quoted(owner_id)} AND {column} : ({quoted} *)"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _worth(badness: float, age: timedelta) -> float:
    """How far down it goes; `badness` is FTS5's bm25, lower for what fits better and never above 0."""
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
