"""The search index on PostgreSQL: vectors that triggers keep, see `migrations/postgresql_search.py`."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, TextClause, text

#: By so many of the owner's newest it is judged how often the words are said.
SAMPLE: Final = 200
#: Said in so many of them, the newest are looked through one by one, until there are enough: of 100,000, the
#: index would tell thousands. What is said more seldom, the index tells faster.
OFTEN: Final = 20
#: So many are looked through, 3 µs each. If they are not enough, the newest were not like the others.
WALK: Final = 5000

# Whatever PostgreSQL thinks of how many there are: without an index all of everybody's is read. And a plan
# for any owner would be made for those who have little, or for one who has nearly all.
_PLANS = text(
    "SELECT set_config('enable_seqscan', 'off', true),"
    " set_config('plan_cache_mode', 'force_custom_plan', true)"
)
# Queries go through the same function as what was written.
_TYPED = text(
    "SELECT search_words(word) FROM unnest(CAST(:words AS text[])) WITH ORDINALITY AS typed(word, place)"
    " ORDER BY place"
)
# By their words alone: vectors are three times as long, and stored apart.
_NEWEST = """
SELECT key FROM (
    SELECT key, words FROM search_index WHERE owner = :owner AND kind = :kind ORDER BY key DESC LIMIT :walk
) AS newest
WHERE words LIKE ALL (CAST(:said AS text[]))
"""
# Materialized: keys alone are sorted, and nothing else is unpacked.
_ALL = """
SELECT key FROM (
    WITH matching AS MATERIALIZED (
        SELECT key FROM search_index
        WHERE vector @@ CAST(:query AS tsquery) AND words LIKE ALL (CAST(:phrases AS text[]))
            AND owner = :owner AND kind = :kind
    ) SELECT key FROM matching ORDER BY key DESC
) AS sorted
"""
_HOW_OFTEN = text(f"SELECT count(*) FROM ({_NEWEST}) AS found")  # noqa: S608 - pieces of this file


def _candidates(matching: str) -> TextClause:
    # LATERAL and OFFSET: row by row from the newest, until there are enough.
    statement = f"""
WITH newest AS MATERIALIZED (
    SELECT found.key, one.at
    FROM ({matching} OFFSET 0) AS found
    CROSS JOIN LATERAL (
        SELECT coalesce(messages.created_at, conversations.updated_at) AS at
        FROM search_rows
        LEFT JOIN messages ON messages.id = search_rows.message_id
        JOIN conversations
            ON conversations.key = coalesce(messages.conversation_key, search_rows.conversation_key)
        WHERE search_rows.key = found.key AND conversations.deleted_at IS NULL OFFSET 0
    ) AS one
    LIMIT :most
)
SELECT newest.key, newest.at, -ts_rank(search_index.vector, CAST(:query AS tsquery), 1) AS badness
FROM newest JOIN search_index ON search_index.key = newest.key ORDER BY newest.key DESC
"""  # noqa: S608 - pieces of this file
    return text(statement)


_AMONG_NEWEST = _candidates(_NEWEST)
_AMONG_ALL = _candidates(_ALL)


class PostgresIndex:
    """What has these words, within one transaction."""

    def __init__(self, transaction: Connection, owner_id: str, words: Sequence[str]) -> None:
        self._transaction: Connection = transaction
        self._owner_id: str = owner_id
        transaction.execute(_PLANS)
        typed = transaction.execute(_TYPED, {"words": list(words)}).scalars()
        self._words: list[list[str]] = [spaced.split() for spaced in typed]

    def titles(self, most: int) -> Sequence[Row[Any]]:
        """The newest: `key`, `at`, and `badness`, which is lower for what fits better and never above 0."""
        return self._rows("t", most)

    def texts(self, most: int) -> Sequence[Row[Any]]:
        """The same of messages."""
        return self._rows("m", most)

    def _rows(self, kind: str, most: int) -> Sequence[Row[Any]]:
        if not any(self._words):
            return []
        values: dict[str, Any] = {
            "owner": self._owner_id,
            "kind": kind,
            "query": self._query(kind),
            "said": self._said(),
            "phrases": self._phrases(),
            "most": most,
        }
        if self._transaction.scalar(_HOW_OFTEN, {**values, "walk": SAMPLE}) >= OFTEN:
            newest = self._transaction.execute(_AMONG_NEWEST, {**values, "walk": WALK}).all()
            if len(newest) >= most:
                return newest
        return self._transaction.execute(_AMONG_ALL, values).all()

    def _query(self, kind: str) -> str:
        """All the words, the last one as a beginning. They are letters and digits: nothing is syntax."""
        prefix = kind + self._owner_id[-8:]
        lexemes = [prefix + word[:500] for words in self._words for word in words]
        return " & ".join(lexemes) + (":*" if self._words[-1] else "")

    def _said(self) -> list[str]:
        """The same as patterns for what is stored as `words`."""
        *inner, last = self._words
        patterns = [f"% {' '.join(words)} %" for words in inner if words]
        return [*patterns, f"% {' '.join(last)}%"] if last else patterns

    def _phrases(self) -> list[str]:
        """Those for what was typed without a space, and is several words to the index: side by side."""
        return [pattern for pattern in self._said() if " " in pattern[2:].rstrip(" %")]
