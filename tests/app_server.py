"""The real app in production mode on loopback: built once, run as often as a test wants.

    server = AppServer(build, data_dir=tmp_path / "data", env={"SCRIPTED_DELAY": "0"})
    server.start()          # returns when it is ready
    server.kill()           # kill -9 of the whole process group, as a power cut would
    server.start()          # on the same port, with the same data
    server.stop()           # SIGTERM, and SIGKILL after a while

As fixtures: `app_build` (once per test session) and `start_app` (as many servers as wanted, stopped at the
end of the test).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any, Final, cast

import pytest

from tests.app_build import INHERITED, PROJECT, Build, build_app, link_tree
from tests.fork_server import Forked, forked
from tests.spawning import spawned

START_TIMEOUT_S: Final = 40.0
STOP_TIMEOUT_S: Final = 15.0


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AppServer:
    """One server: a port and a data folder that stay the same over restarts. It ends with this process."""

    def __init__(
        self,
        build: Build,
        *,
        data_dir: Path,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        target: str = "chatapp.chatapp:app",
        cold: bool = False,
    ) -> None:
        """A cold one loads its libraries itself, as on a machine that runs no tests; that takes seconds."""
        self.build = build
        self.data_dir = data_dir
        self.port = port or free_port()
        self.env = dict(env or {})
        self.log_path = data_dir.parent / f"server-{self.port}.log"
        self.target = target
        self._cold = cold or sys.platform != "linux"
        self._web = data_dir.parent / f"web-{self.port}"
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def url(self) -> str:
        """The page, without a slash at the end; also the only origin besides 127.0.0.1's."""
        return f"http://localhost:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://localhost:{self.port}/_event/"

    @property
    def pid(self) -> int:
        """The server's main process; its process group has the workers as well."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def ready_path(self) -> str:
        """Where it says that it is ready."""
        return "/api/ready"

    @property
    def was_started(self) -> bool:
        """Whether there ever was a process."""
        return self._process is not None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that it wrote, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, *, wait: bool = True) -> "AppServer":
        """Start it, and wait until it says that it is ready."""
        assert not self.is_running, "already running"
        self._prepare_page()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = self._begun(log)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self, timeout: float = START_TIMEOUT_S) -> None:
        """Wait until all works that is its own; fails with the end of the log when it does not."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            assert self.is_running, f"the server ended:\n{self.log[-4000:]}"
            if _is_ready(self.get(self.ready_path)):
                return
            time.sleep(0.1)
        raise AssertionError(f"not ready after {timeout:g} s:\n{self.log[-4000:]}")

    def get(self, path: str, *, timeout: float = 5, **headers: str) -> "Answer":
        """A plain GET; a server that is not there answers with status 0."""
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=wanted)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(status=answer.status, headers=_lower(answer.headers), body=answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, headers=_lower(error.headers), body=error.read())
        except (OSError, TimeoutError):
            return Answer(status=0, headers={}, body=b"")

    def kill(self) -> None:
        """kill -9 of the server and its workers; returns when they are gone."""
        self._signal_group(signal.SIGKILL)
        self._wait_gone()

    def pause(self) -> None:
        """SIGSTOP: its connections stay open and nothing answers, until `resume`."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on as if no time had passed."""
        self._signal_group(signal.SIGCONT)

    def terminate(self) -> int:
        """SIGTERM, as a supervisor would send it; returns the exit status. Fails when it takes too long."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(STOP_TIMEOUT_S)
        self._wait_gone()
        return status

    def restart(self) -> None:
        """SIGTERM and a new start."""
        self.terminate()
        self.start()

    def stop(self) -> None:
        """End it whatever its condition; for the end of a test."""
        if self.is_running:
            assert self._process is not None
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
        self.kill()

    def rss_bytes(self) -> int:
        """Resident memory of the server and its workers (Linux)."""
        return sum(_rss_bytes(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """The processes of its group (Linux)."""
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _group(entry) == self.pid]

    def _signal_group(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _wait_gone(self) -> None:
        assert self._process is not None
        self._process.wait(STOP_TIMEOUT_S)
        self._signal_group(signal.SIGKILL)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.02)

    @property
    def command(self) -> list[str]:
        """What is started: a module and its arguments."""
        # What `reflex run --env prod --single-port` ends in, without building anew.
        options = ["--interface", "asgi", "--factory", "--host", "127.0.0.1", "--port", str(self.port)]
        return ["granian", *options, "--workers", "1", self.target]

    def _begun(self, log: IO[bytes]) -> subprocess.Popen[bytes] | Forked:
        where: dict[str, Any] = {"cwd": self.build.root, "env": self._environment()}
        if not self._cold:
            return forked(self.command, **where, log=log)
        outside = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "start_new_session": True}
        return spawned([sys.executable, "-m", *self.command], **where, **outside)

    def _environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            # For a `target` of the tests' own; the app itself comes from the build, where the server runs.
            "PYTHONPATH": str(PROJECT),
            "CHATAPP_DATA_DIR": str(self.data_dir),
            "LOCAL_MODEL": "off",
            "MAX_CONNECTIONS_PER_IP": "1000",
            **self.env,
            "REFLEX_ENV_MODE": "prod",
            "__REFLEX_SKIP_COMPILE": "1",
            "REFLEX_WEB_WORKDIR": str(self._web),
            "REFLEX_FRONTEND_PORT": str(self.port),
            "REFLEX_BACKEND_PORT": str(self.port),
        }

    def _prepare_page(self) -> None:
        """This server's own copy of the page: Reflex writes beside it."""
        if not self._web.exists():
            link_tree(self.build.web, self._web)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


@pytest.fixture(scope="session")
def app_build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The app, built once for all tests of this session."""
    return build_app(tmp_path_factory.mktemp("app") / "build")


StartApp = Callable[..., AppServer]


@pytest.fixture
def start_app(app_build: Build, tmp_path: Path) -> Generator[StartApp]:
    """Starts servers, each with data of its own; all are stopped at the end of the test."""
    with servers(app_build, tmp_path) as start:
        yield start


@contextmanager
def servers(build: Build, folder: Path) -> Generator[StartApp]:
    """`start(SCRIPTED_DELAY="0")` starts a server under `folder`, with the settings as its environment;
    `start(target="module:app")` serves a wrapper of the app instead."""
    started: list[AppServer] = []

    def start(target: str = "chatapp.chatapp:app", **env: str) -> AppServer:
        home = folder / f"server{len(started)}"
        home.mkdir(parents=True)
        server = AppServer(build, data_dir=home / "data", env=env, target=target)
        started.append(server)
        return server.start()

    try:
        yield start
    finally:
        for server in started:
            server.stop()


def _is_ready(answer: Answer) -> bool:
    """Its own parts; that the model's server is away may be what a test is about."""
    if answer.status != 503:
        return answer.status == 200
    checks = cast("dict[str, dict[str, object]]", answer.json())["checks"]
    return "database" in checks and all(good is True for name, good in checks.items() if name != "providers")


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _rss_bytes(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _group(entry: Path) -> int:
    with suppress(OSError):
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
        # A dead process that its parent has not yet buried is no process any more.
        return 0 if fields[0] == "Z" else int(fields[2])
    return 0
