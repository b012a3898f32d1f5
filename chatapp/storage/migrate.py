"""Brings the schema up to date; safe when several processes start at once."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from chatapp.storage import tables
from chatapp.storage.database import Database


async def migrate(database: Database) -> None:
    """Runs all missing migrations in one transaction, in which nobody else writes.

    Of several processes one is let in; the others wait, then find nothing to do.
    """
    await database.change_schema(_upgrade)


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
    """Whether Alembic looks after it: not after the full-text index, which each
    database has in its own way."""
    return not (kind == "table" and (name or "").startswith("search_index"))


def _differences(connection: Connection) -> list[object]:
    opts = {"compare_type": True, "include_name": is_ours}
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, tables.SQLModel.metadata))


def _upgrade(connection: Connection) -> None:
    command.upgrade(config(connection), "head")
