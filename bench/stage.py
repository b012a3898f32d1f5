"""The app as it is measured: one process on SQLite, or several over Redis and PostgreSQL."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.app_build import PROJECT, Build
from tests.app_server import AppServer
from tests.postgres import PostgresServer
from tests.redis import RedisServer

SECRET_KEY = "bench-" * 8
MODEL = "openai:mock"
STOP_TIMEOUT_S = 15.0


@dataclass(kw_only=True)
class Stage:
    """The processes of one run; `start` starts those of the app, which are ready then."""

    database_url: str
    servers: Sequence[AppServer]
    workers: Sequence["WorkerProcess"] = ()
    #: The processes of Redis and PostgreSQL, as far as they are the stage's.
    engines: Callable[[], Sequence[int]] = tuple

    def start(self) -> None:
        """Returns when all web processes are ready: a worker is among what they wait for."""
        for worker in self.workers:
            worker.start()
        for server in self.servers:
            server.start(wait=False)
        for server in self.servers:
            server.wait_until_ready()

    def pids(self) -> list[int]:
        """All processes of the app."""
        return [
            *(pid for server in self.servers for pid in server.pids()),
            *(one.pid for one in self.workers),
        ]

    def stop(self) -> None:
        """Ends them."""
        for one in (*self.servers, *self.workers):
            one.stop()


class WorkerProcess:
    """`python -m chatapp worker`."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._env = env
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Starts it; the web processes say when it is there."""
        command = [sys.executable, "-m", "chatapp", "worker", "--concurrency", "2000"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=os.environ | self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """SIGTERM, as a supervisor would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_TIMEOUT_S)


@contextlib.contextmanager
def staged(build: Build, folder: Path, upstream_url: str, *, web: int, workers: int) -> Generator[Stage]:
    """`web` processes and `workers`; one and none is the app as one command starts it."""
    env = {
        "OPENAI_BASE_URL": upstream_url,
        "OPENAI_API_KEY": "bench",
        "DEFAULT_MODEL": MODEL,
        "SECRET_KEY": SECRET_KEY,
        "MAX_CONCURRENT_STREAMS": "2000",
        "MAX_CONNECTIONS_PER_IP": "5000",
    }
    with contextlib.ExitStack() as stack:
        engines: Callable[[], Sequence[int]] = tuple
        database_url = f"sqlite:///{folder / 'server0' / 'data' / 'chatapp.db'}"
        if web > 1 or workers:
            redis, postgres = RedisServer(folder), PostgresServer(fsync=True)
            stack.callback(redis.kill)
            stack.callback(postgres.stop)
            redis.start()
            engines = partial(_pids, redis, postgres)
            database_url = postgres.start().create_database()
            env |= {"REDIS_URL": redis.url, "DATABASE_URL": database_url, "LOCAL_MODEL": "off"}
            env |= {"WORKER": "external"} if workers else {}
        stage = Stage(
            database_url=database_url,
            servers=[AppServer(build, data_dir=_home(folder, f"server{n}"), env=env) for n in range(web)],
            workers=[_worker(folder, n, env) for n in range(workers)],
            engines=engines,
        )
        stack.callback(stage.stop)
        yield stage


def _pids(redis: RedisServer, postgres: PostgresServer) -> list[int]:
    return [redis.pid, *postgres.pids()]


def _home(folder: Path, name: str) -> Path:
    home = folder / name / "data"
    home.mkdir(parents=True)
    return home


def _worker(folder: Path, number: int, env: dict[str, str]) -> WorkerProcess:
    home = _home(folder, f"worker{number}")
    return WorkerProcess(env | {"CHATAPP_DATA_DIR": str(home)}, home.parent / "log")
