"""Logins that programs hold: tokens and API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    op.add_column("logins", sa.Column("held_by", sa.String(), nullable=False, server_default="browser"))
    op.add_column("logins", sa.Column("name", sa.String(), nullable=False, server_default=""))
