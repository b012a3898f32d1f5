"""Full-text search over titles and texts, kept up to date by the database itself.

SQLite: triggers write the index in the transaction that writes what is searched, whoever writes it. A later
migration that makes `messages` or `conversations` anew (Alembic's batch mode) must make their triggers anew.
They call `search_words`, which `storage/sqlite.py` gives to each connection.
PostgreSQL has triggers of its own: `migrations/postgresql_search.py`.
"""

# ruff: noqa: S608 - the statements are put together of pieces of this file alone

import sqlalchemy as sa
from alembic import op

from chatapp.storage.migrations.postgresql_search import STATEMENTS

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    _search_rows()
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def _search_rows() -> None:
    op.create_table(
        "search_rows",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("conversation_key", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["conversation_key"], ["conversations.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("message_id"),
        sa.UniqueConstraint("conversation_key"),
    )


def _text_of(row: str) -> str:
    """What of a message is searched: its text as it is shown, without the reasoning, cut into words."""
    return (
        "search_words(coalesce((SELECT group_concat(json_extract(part.value, '$.text'), '')"
        f" FROM json_each({row}.parts) AS part WHERE json_extract(part.value, '$.kind') = 'text'), ''))"
    )


#: A message is found once it is whole.
_WHOLE = "new.status NOT IN ('queued', 'streaming')"
_ADD_MESSAGE = f"""
    INSERT INTO search_rows (message_id) SELECT new.id WHERE {_text_of("new")} <> '';
    INSERT INTO search_index (rowid, owner, title, text)
    SELECT key, new.owner_id, '', {_text_of("new")} FROM search_rows WHERE message_id = new.id;
"""
_ADD_TITLE = """
    INSERT INTO search_rows (conversation_key) VALUES (new.key);
    INSERT INTO search_index (rowid, owner, title, text)
    SELECT key, new.owner_id, search_words(new.title), '' FROM search_rows WHERE conversation_key = new.key;
"""
_SQLITE = (
    # The owner is a word of every row: what belongs to others is passed over in the index, and not read.
    # Prefixes of one letter too: without, the first letter typed would read the words of everybody.
    """CREATE VIRTUAL TABLE search_index USING fts5(
        owner, title, text, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3')""",
    """CREATE TRIGGER search_rows_gone AFTER DELETE ON search_rows BEGIN
        DELETE FROM search_index WHERE rowid = old.key;
    END""",
    f"CREATE TRIGGER search_message_added AFTER INSERT ON messages WHEN {_WHOLE} BEGIN {_ADD_MESSAGE} END",
    f"""CREATE TRIGGER search_message_changed AFTER UPDATE OF status, parts ON messages WHEN {_WHOLE} BEGIN
        DELETE FROM search_rows WHERE message_id = new.id;
        {_ADD_MESSAGE}
    END""",
    f"CREATE TRIGGER search_title_added AFTER INSERT ON conversations BEGIN {_ADD_TITLE} END",
    f"""CREATE TRIGGER search_title_changed AFTER UPDATE OF title ON conversations BEGIN
        DELETE FROM search_rows WHERE conversation_key = new.key;
        {_ADD_TITLE}
    END""",
    # What is there already, the oldest first: the newest is looked at first.
    f"""INSERT INTO search_rows (message_id) SELECT id FROM messages
        WHERE status NOT IN ('queued', 'streaming') AND {_text_of("messages")} <> '' ORDER BY created_at""",
    f"""INSERT INTO search_index (rowid, owner, title, text)
        SELECT search_rows.key, messages.owner_id, '', {_text_of("messages")}
        FROM search_rows JOIN messages ON messages.id = search_rows.message_id""",
    "INSERT INTO search_rows (conversation_key) SELECT key FROM conversations ORDER BY updated_at",
    """INSERT INTO search_index (rowid, owner, title, text)
        SELECT search_rows.key, conversations.owner_id, search_words(conversations.title), ''
        FROM search_rows JOIN conversations ON conversations.key = search_rows.conversation_key""",
)
