"""Whether the search index holds what can be found, and nothing else."""

import json
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

from chatapp.domain.scripts import spaced


def assert_index_is_true(path: Path) -> None:
    """Fails unless the index in this database file is sound, and is what the messages and titles say."""
    with closing(connect(path)) as database:
        # Raises when what FTS5 has of a row's words is not what is in the row.
        database.execute("INSERT INTO search_index (search_index) VALUES ('integrity-check')")
        found = database.execute(
            "SELECT coalesce(message_id, conversation_key), owner, title || text FROM search_index"
            " LEFT JOIN search_rows ON search_rows.key = search_index.rowid"
        ).fetchall()
        whole = database.execute(
            "SELECT id, owner_id, parts FROM messages WHERE status NOT IN ('queued', 'streaming')"
        ).fetchall()
        titles = database.execute("SELECT key, owner_id, title FROM conversations").fetchall()
    texts = [
        (id_, owner, "".join(part["text"] for part in json.loads(parts) if part["kind"] == "text"))
        for id_, owner, parts in whole
    ]
    said = [one for one in texts if one[2]] + titles
    assert sorted(found, key=str) == sorted(((*one[:2], spaced(one[2])) for one in said), key=str)
