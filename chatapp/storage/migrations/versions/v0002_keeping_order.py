"""Pinned, archived and deleted conversations; siblings of a message by index."""

import sqlalchemy as sa
from alembic import op

from chatapp.storage.types import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    for name in ("pinned", "archived"):
        flag = sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column("conversations", flag)
    op.add_column("conversations", sa.Column("deleted_at", UtcDateTime(), nullable=True))
    op.add_column("conversations", sa.Column("former_id", sa.String(), nullable=True))
    op.create_index(
        "ix_conversations_listed", "conversations", ["owner_id", "archived", "pinned", "updated_at"]
    )
    op.create_index(
        "ix_conversations_deleted",
        "conversations",
        ["deleted_at"],
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    # The new one begins with the same column.
    op.create_index("ix_messages_siblings", "messages", ["conversation_key", "parent_id"])
    op.drop_index("ix_messages_conversation_key", "messages")
