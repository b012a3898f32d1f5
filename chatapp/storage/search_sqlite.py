"""The search index on SQLite: an FTS5 table that triggers keep, see migration 0003."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, TextualSelect, text

from chatapp.domain.scripts import spaced
from chatapp.storage.types import UtcDateTime

_MATCHING: Final = """
FROM search_index
CROSS JOIN search_rows ON search_rows.key = search_index.rowid
LEFT JOIN messages ON messages.id = search_rows.message_id
CROSS JOIN conversations
    ON conversations.key = coalesce(messages.conversation_key, search_rows.conversation_key)
WHERE search_index MATCH :match AND conversations.owner_id = :owner AND conversations.deleted_at IS NULL
ORDER BY search_index.rowid DESC LIMIT :most
"""


def _candidates(values: str) -> TextualSelect:
    return text(f"SELECT search_index.rowid AS key, {values} {_MATCHING}").columns(at=UtcDateTime())


# CROSS JOIN: in this order, whatever SQLite thinks of the sizes of the tables.
_TITLES = _candidates("conversations.updated_at AS at, bm25(search_index, 0, 1, 0) AS badness")
_TEXTS = _candidates("messages.created_at AS at, bm25(search_index, 0, 0, 1) AS badness")


class SqliteIndex:
    """What has these words, within one transaction."""

    def __init__(self, transaction: Connection, owner_id: str, words: Sequence[str]) -> None:
        self._transaction: Connection = transaction
        self._owner_id: str = owner_id
        self._words: Sequence[str] = words

    def titles(self, most: int) -> Sequence[Row[Any]]:
        """The newest: `key`, `at`, and `badness`, which is lower for what fits better and never above 0."""
        return self._rows(_TITLES, "title", most)

    def texts(self, most: int) -> Sequence[Row[Any]]:
        """The same of messages."""
        return self._rows(_TEXTS, "text", most)

    def _rows(self, statement: TextualSelect, column: str, most: int) -> Sequence[Row[Any]]:
        match = _match(self._owner_id, column, self._words)
        return self._transaction.execute(
            statement, {"match": match, "owner": self._owner_id, "most": most}
        ).all()


def _match(owner_id: str, column: str, words: Sequence[str]) -> str:
    """FTS5's query: each word quoted, so that nothing in it is syntax."""
    quoted = " AND ".join(_quoted(spaced(word)) for word in words)
    return f"owner : {_quoted(owner_id)} AND {column} : ({quoted} *)"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
