"""Servers that start in a second: forked from a process that has loaded their libraries already.

    process = forked(["granian", "--port", "8000"], cwd=folder, env={...}, log=file)

It is to its starter what `Popen` is of `python -m granian --port 8000` in a session of its own (Linux). Four
fifths of the time of such a start go into libraries; the app itself is loaded by each server anew.

`python -m tests.fork_server FD` is the process they are forked from: each test process has one, which ends
with it.
"""

import atexit
import ctypes
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from tests.spawning import spawned

PROJECT: Final = Path(__file__).resolve().parent.parent
#: What the app loads, and what is nobody's own: none of it may know the app or its settings.
LIBRARIES: Final = (
    "aiohttp", "alembic.command", "argon2", "dotenv", "fastapi.openapi.utils", "fastapi_offline",
    "granian.server", "httpx2", "limits.aio", "msgspec", "openai", "prometheus_client", "psycopg",
    "redis.asyncio", "reflex.app", "sqlmodel", "uvloop",
)  # fmt: skip
#: Of an order, which has an environment in it.
_LONGEST: Final = 150_000
_PR_SET_PDEATHSIG: Final = 1


class Forked:
    """A server that runs or ran. Who it is told by tells also how it ended."""

    def __init__(self, pid: int, told: socket.socket) -> None:
        self.pid = pid
        self._told = told
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, or the number of the signal that ended it, negative; None while it runs."""
        if self._status is None and select.select([self._told], [], [], 0)[0]:
            # Nothing: it ended together with whoever would have told how.
            self._status = int(self._told.recv(16) or -signal.SIGKILL)
            self._told.close()
        return self._status

    def wait(self, timeout: float) -> int:
        """The same when it has ended. Raises `subprocess.TimeoutExpired`."""
        if self._status is None:
            select.select([self._told], [], [], timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return status

    def terminate(self) -> None:
        """SIGTERM, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def forked(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: IO[bytes]) -> Forked:
    """Starts the module with its arguments; all that it writes goes into the log."""
    return _forker().forked({"command": list(command), "cwd": str(cwd), "env": dict(env)}, log)


class _Forker:
    """This process's end of the other one."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-u", "-m", "tests.fork_server", str(theirs.fileno())]
        with theirs:
            self._process = spawned(
                command, cwd=PROJECT, env=env, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    def forked(self, order: dict[str, Any], log: IO[bytes]) -> Forked:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            socket.send_fds(self._control, [json.dumps(order).encode()], [theirs.fileno(), log.fileno()])
        return Forked(int(ours.recv(16)), ours)

    def close(self) -> None:
        """It ends, and with it all that it has forked."""
        self._control.close()
        self._process.wait()


@cache
def _forker() -> _Forker:
    forker = _Forker()
    atexit.register(forker.close)
    return forker


class _Nest:
    """The process from which servers are forked; it has one thread."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        #: By a descriptor that can be read when it has ended: whom to tell how.
        self._running: dict[int, tuple[int, socket.socket]] = {}

    def next_order(self) -> dict[str, Any]:
        """Returns in each child, with its order."""
        while True:
            for ready in select.select([self._control, *self._running], [], [])[0]:
                if ready is not self._control:
                    self._bury(ready)
                elif (order := self._obey()) is not None:
                    return order

    def _obey(self) -> dict[str, Any] | None:
        message, (told, log), _, _ = socket.recv_fds(self._control, _LONGEST, 2)
        if not message:
            sys.exit()
        teller = socket.socket(fileno=told)
        if (pid := os.fork()) == 0:
            for other in (self._control, teller, *(one for _, one in self._running.values())):
                other.close()
            for descriptor in self._running:
                os.close(descriptor)
            return {**json.loads(message), "log": log}
        os.close(log)
        teller.send(str(pid).encode())
        self._running[os.pidfd_open(pid)] = pid, teller
        return None

    def _bury(self, descriptor: int) -> None:
        pid, teller = self._running.pop(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        # Who ordered it may be gone.
        with teller, suppress(OSError):
            teller.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(order: dict[str, Any]) -> None:
    """What this process is from now on is `python -m` with the order's command."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    for descriptor in (1, 2):
        os.dup2(order["log"], descriptor)
    os.close(order["log"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.path[:1] = [order["cwd"], *filter(None, order["env"].get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = order["command"]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        sys.stdout.flush()
        # Nothing is taken apart: of all these libraries that would take as long as loading them.
        os._exit(ended.code if isinstance(ended.code, int) else bool(ended.code))


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    _become(_Nest(socket.socket(fileno=int(sys.argv[1]))).next_order())
