"""The schema comes up by itself, agrees with the tables, and keeps what older versions wrote."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from chatapp.storage.database import Database
from chatapp.storage.migrate import config, differences, migrate
from tests.storage.made import opened_database, queued, url_of

STARTS = """
import asyncio, sys
from chatapp.storage.database import Database
from chatapp.storage.migrate import migrate

async def start(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()

for line in sys.stdin:
    asyncio.run(start(line.strip()))
    print("migrated", flush=True)
"""


async def test_migrations_and_tables_agree(database: Database):
    """Whoever changes a table without a migration is stopped here."""
    assert await differences(database) == []


async def test_migrating_again_changes_nothing(database: Database, database_file: Path):
    """Every start migrates; only the first has something to do."""
    before = _schema(database_file)
    await migrate(database)
    assert _schema(database_file) == before


async def test_processes_that_start_at_once_make_one_schema(tmp_path: Path):
    """On a fresh file one of them makes it and the others wait; nobody fails, forty times over."""
    starting = [await _python(STARTS) for _ in range(2)]
    schemas: list[list[str]] = []
    for number in range(40):
        path = tmp_path / f"{number}.db"
        for process in starting:
            assert process.stdin
            process.stdin.write(f"{url_of(path)}\n".encode())
        for process in starting:
            assert process.stdout
            assert await process.stdout.readline() == b"migrated\n"
        schemas.append(_schema(path))
    for process in starting:
        assert process.stdin
        process.stdin.close()
        assert await process.wait() == 0
    assert all(schema == schemas[0] for schema in schemas)
    assert any("CREATE TABLE messages" in line for line in schemas[0])


async def _python(code: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=pipe, stdout=pipe)


async def test_old_data_survives_every_migration(database_file: Path):
    """A file of the first version comes up to date with its rows in it."""
    database = Database(url_of(database_file))

    def first_version(connection: Connection) -> str:
        script = ScriptDirectory.from_config(config(connection))
        (base,) = script.get_bases()
        command.upgrade(config(connection), base)
        return base

    assert await database.write(first_version)
    await database.close()
    with closing(sqlite3.connect(database_file)) as connection:
        connection.executescript(OLD_ROWS)
    async with opened_database(database_file) as migrated:
        assert await differences(migrated) == []
        await queued(migrated)
    with closing(sqlite3.connect(database_file)) as connection:
        found = connection.execute(OLD_QUESTION)
        assert found.fetchall() == [("Old", '[{"text": "Hello", "kind": "text"}]')]


OLD_ROWS = """
INSERT INTO accounts (id, kind, created_at) VALUES ('old', 'guest', '2026-01-01 00:00:00.000000');
INSERT INTO conversations (key, id, owner_id, title, model, created_at, updated_at)
VALUES (1, 'c', 'old', 'Old', '', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000');
INSERT INTO messages (id, conversation_key, owner_id, role, status, parts, seq, model, input_tokens,
                      output_tokens, left_out, created_at)
VALUES ('m', 1, 'old', 'user', 'complete', '[{"text": "Hello", "kind": "text"}]', 0, '', 0, 0, 0,
        '2026-01-01 00:00:00.000000');
"""
OLD_QUESTION = (
    "SELECT title, parts FROM conversations JOIN messages ON messages.conversation_key = conversations.key"
    " WHERE conversations.owner_id = 'old'"
)


def _schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [sql for (sql,) in found]
