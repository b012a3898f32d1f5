"""The databases that tests run on, and what they hold, asked past the product.

    from tests.databases import on_both_kinds       # in a conftest.py: all tests there with a database
    @both_kinds                                     # this one
    @sqlite_only                                    # not this one

`database_url` is then a fresh one of that kind, its schema up to date on PostgreSQL and not yet made on
SQLite. Elsewhere it is SQLite.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import connect
from typing import Any, Final

import psycopg
import pytest

from chatapp.storage.postgres import ALL_WRITES
from tests.owners import of_others
from tests.postgres import PostgresServer, migrate_apart

KINDS: Final = ("sqlite", "postgresql")

#: For what only a file can do or suffer.
sqlite_only = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
#: For what has several processes, or a server.
postgres_only = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
both_kinds = pytest.mark.parametrize("database_kind", KINDS, indirect=True)


@pytest.fixture(params=KINDS, name="database_kind")
def on_both_kinds(request: pytest.FixtureRequest) -> str:
    """Each test that has a database has one of each kind."""
    return request.param


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """What kind of database the test has: SQLite, unless it or its folder says otherwise."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def database_url(database_kind: str, database_file: Path, request: pytest.FixtureRequest) -> Generator[str]:
    """A database of the test's own."""
    if database_kind == "sqlite":
        yield url_of(database_file)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_migrated_database()
    yield url
    others = of_others(url)
    server.drop_database(url)
    assert others == [], "A write touched rows of somebody else than it had declared."


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """A file of the test's own, for SQLite."""
    return tmp_path / "chatapp.db"


def make_schema(url: str) -> None:
    """A file gets the app's schema unless it is there, copied from one that this process made once."""
    if is_file(url) and not file_of(url).exists():
        file_of(url).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(_migrated(), file_of(url))


@cache
def _migrated() -> Path:
    path = Path(tempfile.mkdtemp(prefix="chatapp-schema-")) / "chatapp.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    migrate_apart(url_of(path))
    return path


def url_of(path: Path) -> str:
    """The file as a database's URL."""
    return f"sqlite:///{path}"


def file_of(url: str) -> Path:
    """The file of an SQLite database."""
    return Path(url.removeprefix("sqlite:///"))


Ask = Callable[..., list[tuple[Any, ...]]]


@contextmanager
def one_moment(url: str) -> Generator[Ask]:
    """What all queries in the block find is of the same moment; `?` stands for a value."""
    if is_file(url):
        with closing(connect(file_of(url), isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            yield lambda query, *values: file.execute(query, values).fetchall()
        return
    with _connected(url) as server:
        server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield lambda query, *values: server.execute(
            query.replace("?", "%s").encode(), values or None
        ).fetchall()


def is_file(url: str) -> bool:
    """Whether it is SQLite's."""
    return url.startswith("sqlite:")


def rows(url: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the query finds; `?` stands for a value."""
    if is_file(url):
        with closing(connect(file_of(url))) as file:
            return file.execute(query, values).fetchall()
    with one_moment(url) as ask:
        return ask(query, *values)


def change(url: str, *statements: str) -> None:
    """Does this to what the database holds, in one transaction."""
    if is_file(url):
        with closing(connect(file_of(url))) as file, file:
            for statement in statements:
                file.execute(statement)
        return
    with _connected(url) as server:
        for statement in statements:
            server.execute(statement.encode())


def bytes_kept(url: str) -> bytes:
    """All that is in SQLite's files; all that is in PostgreSQL's tables."""
    if is_file(url):
        file = file_of(url)
        return b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    tables = rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return "\n".join(repr(rows(url, f'SELECT * FROM "{table}"')) for (table,) in tables).encode()


def _connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url, options="-c timezone=UTC")


@contextmanager
def locked(url: str) -> Generator[None]:
    """Another program holds what a write needs: the file's write lock, or the lock that all writes share."""
    if is_file(url):
        with closing(connect(file_of(url), isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            yield
            file.execute("ROLLBACK")
        return
    with _connected(url) as server:
        server.execute("SELECT pg_advisory_xact_lock(%s)", [ALL_WRITES])
        yield
        server.rollback()
