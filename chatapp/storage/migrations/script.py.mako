"""${message}"""

import sqlalchemy as sa
from alembic import op

from chatapp.storage.types import UtcDateTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Expand only: older processes go on working beside the new schema."""
    ${upgrades if upgrades else "pass"}
