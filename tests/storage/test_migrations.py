"""The schema comes up by itself, agrees with the tables, and keeps what older versions wrote."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from chatapp.storage.database import Database
from chatapp.storage.migrate import config, differences, migrate
from tests.databases import both_kinds, url_of
from tests.storage.made import opened_database, queued

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


@both_kinds
async def test_migrations_and_tables_agree(database: Database):
    """Whoever changes a table without a migration is stopped here."""
    assert await differences(database) == []


async def test_migrating_again_changes_nothing(database: Database, database_file: Path):
    """Every start migrates; only the first has something to do."""
    before = _schema(database_file)
    await migrate(database)
    assert _schema(database_file) == before


async def test_processes_that_start_at_once_on_a_server_make_one_schema(postgres_database: str):
    """Four processes on an empty database: one makes the schema, and nobody fails."""
    starting = [await _python(STARTS) for _ in range(4)]
    line = f"{postgres_database}\n".encode()
    said = await asyncio.gather(*(process.communicate(line) for process in starting))
    assert [out for out, _ in said] == [b"migrated\n"] * 4
    assert [process.returncode for process in starting] == [0] * 4
    async with opened_database(postgres_database) as database:
        assert await differences(database) == []


@both_kinds
async def test_a_migration_only_adds(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path):
    """After each one all is there that was there, and what an older process writes is still accepted."""
    is_file = database_kind == "sqlite"
    url = url_of(tmp_path / "steps.db") if is_file else request.getfixturevalue("postgres_database")
    database = Database(url)
    before: Shape = {}
    for revision in await database.read(_revisions):
        after = await database.change_schema(partial(_step, revision))
        for table, columns in before.items():
            assert columns.items() <= after[table].items(), f"{revision} changes {table}"
            for name in after[table].keys() - columns.keys():
                assert after[table][name].may_be_omitted, f"{revision} adds {table}.{name}"
        before = after
    await database.close()


class Column(NamedTuple):
    kind: str
    nullable: bool
    has_default: bool
    #: The unique indexes and constraints that it is in.
    uniques: frozenset[tuple[str, ...]]

    @property
    def may_be_omitted(self) -> bool:
        return self.nullable or self.has_default


Shape = dict[str, dict[str, Column]]


def _revisions(connection: Connection) -> list[str]:
    """The oldest first."""
    script = ScriptDirectory.from_config(config(connection))
    return [one.revision for one in script.walk_revisions()][::-1]


def _step(revision: str, connection: Connection) -> Shape:
    """The columns of each table after this migration."""
    command.upgrade(config(connection), revision)
    look, shape = inspect(connection), {}
    for table in look.get_table_names():
        indexes = [one for one in look.get_indexes(table) if one["unique"]]
        uniques = [tuple(one["column_names"]) for one in (*indexes, *look.get_unique_constraints(table))]
        shape[table] = {
            column["name"]: Column(
                str(column["type"]),
                column["nullable"],
                column["default"] is not None,
                frozenset(columns for columns in uniques if column["name"] in columns),
            )
            for column in look.get_columns(table)
            if not table.startswith("search_index")
        }
    return shape


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
    async with opened_database(url_of(database_file)) as migrated:
        assert await differences(migrated) == []
        await queued(migrated)
    with closing(sqlite3.connect(database_file)) as connection:
        found = connection.execute(OLD_QUESTION)
        assert found.fetchall() == [("Old", '[{"text": "Hello", "kind": "text"}]')]
        used = connection.execute("SELECT * FROM usage_days ORDER BY day, model").fetchall()
        assert used == [
            ("old", "2026-01-01", "openai:a", 2, 30, 12),
            ("old", "2026-01-01", "openai:b", 1, 5, 6),
            ("old", "2026-01-02", "openai:a", 1, 7, 8),
        ]


OLD_ROWS = """
INSERT INTO accounts (id, kind, created_at) VALUES ('old', 'guest', '2026-01-01 00:00:00.000000');
INSERT INTO conversations (key, id, owner_id, title, model, created_at, updated_at)
VALUES (1, 'c', 'old', 'Old', '', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000');
INSERT INTO messages (id, conversation_key, owner_id, role, status, parts, seq, model, input_tokens,
                      output_tokens, left_out, created_at)
VALUES ('m', 1, 'old', 'user', 'complete', '[{"text": "Hello", "kind": "text"}]', 0, '', 0, 0, 0,
        '2026-01-01 00:00:00.000000'),
       ('r1', 1, 'old', 'assistant', 'complete', '[]', 3, 'openai:a', 10, 4, 0, '2026-01-01 00:00:01.000000'),
       ('r2', 1, 'old', 'assistant', 'stopped', '[]', 3, 'openai:a', 20, 8, 0, '2026-01-01 23:59:59.999999'),
       ('r3', 1, 'old', 'assistant', 'failed', '[]', 3, 'openai:b', 5, 6, 0, '2026-01-01 12:00:00.000000'),
       ('r4', 1, 'old', 'assistant', 'complete', '[]', 3, 'openai:a', 7, 8, 0, '2026-01-02 00:00:00.000000'),
       ('r5', 1, 'old', 'assistant', 'streaming', '[]', 0, 'openai:a', 9, 9, 0, '2026-01-02 00:00:00.000000');
"""
OLD_QUESTION = (
    "SELECT title, parts FROM conversations JOIN messages ON messages.conversation_key = conversations.key"
    " WHERE conversations.owner_id = 'old' AND messages.id = 'm'"
)


def _schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [sql for (sql,) in found]
