"""A PostgreSQL server of the tests' own, on loopback, with a database for each test that asks.

    def test_it(postgres_database: str): ...    # the URL of an empty database of the test's own

    server = PostgresServer(fsync=True)         # one that a test may kill, freeze and start again
    server.start()
    url = server.create_database()
    server.kill()                               # all its processes, as a power cut would
    server.stop()                               # and its folder is gone

PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`.
"""

import asyncio
import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from chatapp.storage.database import Database
from chatapp.storage.migrate import migrate
from tests.app_server import free_port
from tests.needs import postgres_programs, require
from tests.owners import watch
from tests.small_disk import SmallDisk
from tests.spawning import Held, spawned

START_TIMEOUT_S: Final = 30.0
#: The app's own role: it owns its databases, and is nothing more than that.
ROLE: Final = "chatapp"
PASSWORD: Final = "the-password-of-the-tests"
#: A test's server need not survive a power cut, unless that is what is tested.
_CARELESS: Final = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes", "autovacuum"), "off")


class PostgresServer:
    """A port and a folder that stay the same over restarts. It ends with this process."""

    def __init__(
        self, *, fsync: bool = False, options: dict[str, str] | None = None, disk_mb: int = 0
    ) -> None:
        """With `disk_mb` its data are on a disk of that size, which can be filled."""
        self.port = free_port()
        self._disk_mb = disk_mb
        self.disk: SmallDisk | None = None
        self._options = {} if fsync else dict(_CARELESS)
        self._options |= {"shared_buffers": "64MB", **(options or {})}
        # Not in `tmp_path`: only its owner may enter that, and a socket's path must be short.
        #: Everything that it has.
        self._held = Held("chatapp-pg-", within=Path("/tmp" if os.getuid() == 0 else tempfile.gettempdir()))
        self.folder = self._held.folder
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._template = ""

    @property
    def pid(self) -> int:
        """The server's main process."""
        assert self._process is not None, "not started"
        return self._process.pid

    def pids(self) -> list[int]:
        """All its processes: one for each connection, and its own."""
        return [self.pid, *_children(self.pid)]

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that it wrote, over all its starts."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, database: str, *, port: int | None = None) -> str:
        """Where the app finds this database; with the port of a proxy that stands before the server."""
        return f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> "PostgresServer":
        """Starts it, the first time on a folder that is made for it, and waits until it answers."""
        assert not self.is_running, "already running"
        data = self.folder / "data"
        is_new = not data.exists()
        if is_new:
            self._initialize(data)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._started(data, deadline):
            assert time.monotonic() < deadline, f"PostgreSQL did not start:\n{self.log[-4000:]}"
            time.sleep(0.1)
        if is_new:
            self.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        return self

    def stop(self) -> None:
        """Ends it at once, and removes its folder."""
        if self.is_running:
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
            self.kill()
        self._held.remove()

    def restart(self) -> None:
        """A restart as an operator does it: connections are cut, nothing is lost."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=20)
        self.start()

    def kill(self) -> None:
        """kill -9 of all its processes."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=10)

    def freeze(self) -> None:
        """Stops all its processes: who asks waits. `thaw` lets them go on."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets go on what `freeze` stopped."""
        self._signal(signal.SIGCONT)

    def create_database(self, *, template: str = "template0") -> str:
        """A database of the app's role, as this one is; returns its URL."""
        self._made += 1
        name = f"test_{self._made}"
        [(version,)] = self.run("SELECT current_setting('server_version_num')::int")
        # Each page by way of the log, as from 15 on unless told otherwise, costs twice as much.
        how = "STRATEGY file_copy" if version >= 150_000 else ""
        self.run(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} {how}")
        return self.url(name)

    def create_migrated_database(self) -> str:
        """One with the app's schema, copied from one that was made once, and watched (`tests/owners.py`)."""
        if not self._template:
            url = self.create_database()
            migrate_apart(url)
            watch(url)
            self._template = url.rpartition("/")[2]
        return self.create_database(template=self._template)

    def drop_database(self, url: str) -> None:
        """Removes it, whoever is still connected."""
        self.run(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def run(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What a statement returns, asked past the product by the server's superuser."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str, *, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
        """The superuser's own connection; whoever asks closes it."""
        where = {"host": str(self.folder), "port": self.port, "user": "postgres", "dbname": database}
        return psycopg.connect(**where, autocommit=autocommit, connect_timeout=5)

    def _initialize(self, data: Path) -> None:
        if (owner := _owner()) is not None:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        if self._disk_mb:
            self.disk = SmallDisk(data, megabytes=self._disk_mb, owner=owner.pw_uid if owner else os.getuid())
        # Locale C knows the case of ASCII alone: what the app does with other letters must not need another.
        options = ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command = [*_command("initdb"), "-D", str(data), "-U", "postgres", "--no-sync", *options]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"

    def _started(self, data: Path, deadline: float) -> bool:
        """False when it ended again: after a kill -9 its shared memory may still be in use for a moment."""
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            **self._options,
        }
        flags = [f"--{name}={value}" for name, value in settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = spawned(
                [*_command("postgres"), "-D", str(data), *flags],
                cwd=self.folder,
                start_new_session=True,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        while self.is_running and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                self.run("SELECT 1")
                return True
            time.sleep(0.02)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if not self.is_running:
            return
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def migrate_apart(url: str) -> None:
    """Gives the database the app's schema: in a loop of its own, wherever it is asked for."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_migrated(url))).result()


async def _migrated(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


def _children(pid: int) -> Iterator[int]:
    """Each backend is a session of its own, so the process group does not have them."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return map(int, pids)


def _owner() -> pwd.struct_passwd | None:
    """Who it runs as, where the tests run as root; None: as whoever runs the tests."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _command(name: str) -> list[str]:
    """Runs one of PostgreSQL's programs as a user whom it accepts; SIGINT ends the server at once."""
    folder = postgres_programs()
    assert folder is not None, "no PostgreSQL here"
    return as_owner(folder / name)


def as_owner(program: Path) -> list[str]:
    """Runs a program as the server's user; it ends with whoever started it."""
    owner = _owner()
    become = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"] if owner else []
    return ["setpriv", *become, "--pdeathsig=INT", str(program)]


@pytest.fixture(scope="session")
def postgres_server() -> Generator[PostgresServer]:
    """One for all tests of this process; who wants to kill one starts a server of their own."""
    require("postgres")
    server = PostgresServer()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Generator[str]:
    """The URL of an empty database of the test's own."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
