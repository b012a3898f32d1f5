"""What people think of replies; what replies cost by day; conversations by when they were begun."""

import sqlalchemy as sa
from alembic import op

from chatapp.storage.types import UtcDateTime

revision = "0007"
down_revision = "0006"

#: What was used so far, as far as the replies are still there.
_SO_FAR = """
INSERT INTO usage_days (owner_id, day, model, runs, input_tokens, output_tokens)
SELECT owner_id, substr(CAST(created_at AS VARCHAR), 1, 10), model, count(*), sum(input_tokens),
       sum(output_tokens)
FROM messages WHERE role = 'assistant' AND status NOT IN ('queued', 'streaming')
GROUP BY owner_id, substr(CAST(created_at AS VARCHAR), 1, 10), model
"""


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    op.create_index("ix_conversations_owner_created", "conversations", ["owner_id", "created_at", "id"])
    op.create_table(
        "feedback",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("value", sa.String(16), nullable=False),
        sa.Column("comment", sa.String(), nullable=False, server_default=""),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message_id", "account_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_feedback_account_id", "feedback", ["account_id"])
    op.create_table(
        "usage_days",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("owner_id", "day", "model"),
        sqlite_with_rowid=False,
    )
    op.get_bind().execute(sa.text(_SO_FAR))
