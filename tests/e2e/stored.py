"""What the server has kept, read from its database beside it."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ALL: Final = """
SELECT messages.id, role, status, parts FROM messages JOIN conversations ON conversation_key = key
WHERE conversations.id = ? ORDER BY messages.created_at, role DESC
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A message in the database."""

    id: str
    role: str
    status: str
    text: str


def kept(data_dir: Path, conversation_id: str) -> list[Kept]:
    """All messages of a conversation, every branch, oldest first."""
    address = f"file:{data_dir / 'chatapp.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
        rows = database.execute(ALL, (conversation_id,)).fetchall()
    return [Kept(id=row[0], role=row[1], status=row[2], text=_text(row[3])) for row in rows]


def owner_of(data_dir: Path, conversation_id: str) -> str:
    """Whose conversation it is."""
    address = f"file:{data_dir / 'chatapp.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
        found = database.execute("SELECT owner_id FROM conversations WHERE id = ?", (conversation_id,))
        return str(found.fetchone()[0])


def _text(parts: str) -> str:
    return "".join(part["text"] for part in json.loads(parts) if part["kind"] == "text")
