"""Whether the search index holds what can be found, and nothing else."""

import json
from typing import Any, Final

from chatapp.domain.scripts import spaced
from tests.databases import Ask, one_moment

_FOUND: Final = """
SELECT coalesce(message_id, CAST(conversation_key AS VARCHAR)), owner, {words} FROM search_index
LEFT JOIN search_rows ON search_rows.key = search_index.{key}
"""


def assert_index_is_true(url: str) -> None:
    """Fails unless the index in this database is sound, and is what the messages and titles say."""
    with one_moment(url) as ask:
        whole = ask("SELECT id, owner_id, parts FROM messages WHERE status NOT IN ('queued', 'streaming')")
        texts = [(id_, owner, _text(parts)) for id_, owner, parts in whole]
        titles = ask("SELECT CAST(key AS VARCHAR), owner_id, title FROM conversations")
        said = [one for one in texts if one[2]] + titles
        look = _on_sqlite if url.startswith("sqlite:") else _on_postgresql
        found, words = look(ask, [one[2] for one in said])
    assert sorted(found) == sorted((*one[:2], word) for one, word in zip(said, words, strict=True))


def _text(parts: Any) -> str:
    loaded = json.loads(parts) if isinstance(parts, str) else parts
    return "".join(part["text"] for part in loaded if part["kind"] == "text")


def _on_sqlite(ask: Ask, texts: list[str]) -> tuple[list[tuple[Any, ...]], list[str]]:
    # Raises when what FTS5 has of a row's words is not what is in the row.
    ask("INSERT INTO search_index (search_index) VALUES ('integrity-check')")
    return ask(_FOUND.format(words="title || text", key="rowid")), [spaced(text) for text in texts]


def _on_postgresql(ask: Ask, texts: list[str]) -> tuple[list[tuple[Any, ...]], list[str]]:
    untrue = "SELECT key FROM search_index WHERE vector IS DISTINCT FROM search_vector(kind, owner, words)"
    assert ask(untrue) == []
    words = ask(
        "SELECT search_words(said) FROM unnest(?::text[]) WITH ORDINALITY AS one(said, n) ORDER BY n", texts
    )
    return ask(_FOUND.format(words="words", key="key")), [word for (word,) in words]
