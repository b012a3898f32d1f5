"""Accounts that are deleted and not yet purged; accounts by age, for the admin's list."""

import sqlalchemy as sa
from alembic import op

from chatapp.storage.types import UtcDateTime

revision = "0005"
down_revision = "0004"

_IS_DELETED = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    op.add_column("accounts", sa.Column("deleted_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_accounts_deleted",
        "accounts",
        ["deleted_at"],
        sqlite_where=_IS_DELETED,
        postgresql_where=_IS_DELETED,
    )
    op.create_index("ix_accounts_created_at", "accounts", ["created_at"])
