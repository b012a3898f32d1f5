"""What a program wants of a reply: temperature, stop texts and the like."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    op.add_column("runs", sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
