"""Brings the schema up to date; safe when several processes start at once."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from chatapp.storage import tables
from chatapp.storage.database import Database

#: PostgreSQL's advisory lock for migrations; any number that nobody else uses.
_LOCK = 0x63686174


async def migrate(database: Database) -> None:
    """Runs all missing migrations in one write transaction.

    SQLite's BEGIN IMMEDIATE, or an advisory lock, lets one process in; the others wait, then find nothing
    to do.
    """
    await database.write(_upgrade)


async def differences(database: Database) -> list[object]:
    """What the migrated schema lacks of the tables, or has too much. Empty when they agree."""
    return await database.read(_differences)


def config(connection: Connection) -> Config:
    """Alembic's settings, independent of any ini file and of the working directory."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = connection
    return settings


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic looks after it: not after the full-text index, whose tables are SQLite's own."""
    return not (kind == "table" and (name or "").startswith("search_index"))


def _differences(connection: Connection) -> list[object]:
    opts = {"compare_type": True, "include_name": is_ours}
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, tables.SQLModel.metadata))


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(config(connection), "head")
