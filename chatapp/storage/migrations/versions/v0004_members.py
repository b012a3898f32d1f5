"""Members with email and password; when a login was last seen; ended logins; the audit log."""

import sqlalchemy as sa
from alembic import op

from chatapp.storage.types import UtcDateTime

revision = "0004"
down_revision = "0003"

# A name as it is searched. SQLite's is Python's `casefold`, given to each connection: so is this, nearly. Up
# and down again makes "ss" of a sharp s; Greek's two small letters for s (962, 963) are one.
_FOLDED = """
CREATE FUNCTION folded(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(lower(upper(name COLLATE "und-x-icu")), chr(962), chr(963))
$$"""


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(_FOLDED)
    op.add_column("accounts", sa.Column("email", sa.String(), nullable=True))
    op.add_column("accounts", sa.Column("name", sa.String(), nullable=False, server_default=""))
    op.add_column("accounts", sa.Column("role", sa.String(), nullable=False, server_default="user"))
    op.add_column("accounts", sa.Column("password_hash", sa.String(), nullable=True))
    op.create_index("uq_accounts_email", "accounts", ["email"], unique=True)
    op.add_column("logins", sa.Column("last_seen_at", UtcDateTime(), nullable=True))
    op.add_column("logins", sa.Column("agent", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_logins_expires_at", "logins", ["expires_at"])
    op.create_table(
        "ended_logins",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ended_logins_expires_at", "ended_logins", ["expires_at"])
    op.create_table(
        "security_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_security_events_at", "security_events", ["at"])
