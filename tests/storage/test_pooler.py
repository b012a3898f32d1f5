"""Behind a pooler that pools by transaction: each may be on another of the server's connections."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from chatapp.storage.database import Database, Transaction
from tests.app_server import free_port
from tests.needs import pgbouncer_path, require
from tests.postgres import PASSWORD, ROLE, PostgresServer, as_owner
from tests.waiting import until

#: Fewer connections to the server than the app has lanes.
POOL_SIZE = 2


@pytest.fixture
def pooled_url(postgres_server: PostgresServer) -> Generator[str]:
    require("pgbouncer")
    direct, port = postgres_server.create_database(), free_port()
    folder = postgres_server.folder / "pooler"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "users").write_text(f'"{ROLE}" "{PASSWORD}"\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres_server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {folder}/users\n"
        f"pool_mode = transaction\ndefault_pool_size = {POOL_SIZE}\n"
    )
    pooler = subprocess.Popen(
        [*as_owner(Path(pgbouncer_path() or "")), "-q", str(settings)], cwd=folder, stderr=subprocess.DEVNULL
    )
    yield postgres_server.url(direct.rpartition("/")[2], port=port)
    pooler.terminate()
    pooler.wait(timeout=10)
    shutil.rmtree(folder)
    postgres_server.drop_database(direct)


async def test_transactions_of_many_lanes_share_few_connections(pooled_url: str):
    """Nothing is executed under a name that another client gave something else; each transaction has our
    settings, and leaves none of them behind."""
    await until(lambda: _answers(pooled_url), seconds=20)
    database = Database(pooled_url)
    await database.change_schema(_made)

    async def counts(owner: int) -> None:
        # Often enough for the driver to prepare what it says: after five times.
        for _ in range(12):
            await database.write(lambda work: _counted(work, owner), of=f"owner{owner}")
            await database.read(lambda work: _settings(work, owner))

    await asyncio.gather(*(counts(owner) for owner in range(8)))
    assert await database.read(lambda work: _rows(work, "SELECT n FROM counted")) == [(12,)] * 8
    assert await database.read(lambda work: _rows(work, "SELECT 1 FROM pg_prepared_statements")) == []
    await database.close()


def _answers(url: str) -> bool:
    port = int(url.rpartition(":")[2].partition("/")[0])
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _made(work: Transaction) -> None:
    work.execute(text("CREATE TABLE counted (owner int PRIMARY KEY, n int)"))
    work.execute(text("INSERT INTO counted SELECT owner, 0 FROM generate_series(0, 7) AS owner"))


def _counted(work: Transaction, owner: int) -> None:
    [(before,)] = _rows(work, f"SELECT n FROM counted WHERE owner = {owner}")
    work.execute(text("UPDATE counted SET n = :n WHERE owner = :owner"), {"n": before + 1, "owner": owner})


def _settings(work: Transaction, owner: int) -> None:
    # Another statement for each, so that one in the place of another would be seen.
    query = f"SELECT {owner}, current_setting('lock_timeout'), current_setting('statement_timeout')"
    assert _rows(work, query) == [(owner, "8s", "15s")]


def _rows(work: Transaction, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in work.execute(text(query))]
