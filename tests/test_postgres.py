"""The tests' own PostgreSQL keeps what was committed, whatever is done to it, and leaves nothing behind."""

import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from chatapp.settings import PROJECT_ROOT
from tests.postgres import PostgresServer

pytestmark = pytest.mark.needs("postgres", "linux")


@pytest.fixture
def server() -> Generator[PostgresServer]:
    """One that the test may break."""
    server = PostgresServer(fsync=True)
    try:
        yield server.start()
    finally:
        server.stop()


def test_what_was_committed_outlives_a_kill_and_a_restart(server: PostgresServer):
    url = server.create_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (1)")
    with psycopg.connect(url) as idle:
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")
    server.start()
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    server.restart()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept ORDER BY number").fetchall() == [(1,), (2,)]


def test_a_frozen_server_keeps_who_asks_waiting(server: PostgresServer):
    url = server.create_database()
    server.freeze()
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        psycopg.connect(url, connect_timeout=2)
    server.thaw()
    psycopg.connect(url).close()


def test_the_apps_role_is_no_superuser_and_has_a_password(postgres_database: str):
    with psycopg.connect(postgres_database) as connection:
        shown = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchall()
        assert shown == [(False,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_database, password="another")


LEFT_BEHIND = """
import os, signal
from tests.postgres import PostgresServer
server = PostgresServer().start()
print(server.pid, server.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_who_started_it():
    done = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    pid, folder = int(done.stdout.split()[0]), done.stdout.split()[1]
    deadline = time.monotonic() + 20
    while _is_postgres(pid):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)
    assert Path(folder).exists()
    PostgresServer().stop()
    assert not Path(folder).exists(), "whoever comes next does not clear up"


def _is_postgres(pid: int) -> bool:
    try:
        return "postgres" in Path(f"/proc/{pid}/comm").read_text() and "zombie" not in _state(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()
