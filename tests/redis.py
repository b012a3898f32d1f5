"""A Redis of the tests' own: on loopback, on a port of its own, with nothing on the disk unless asked for.

redis_server.url        where it is
redis_server.kill()     kill -9; `start()` brings it back on the same port
redis_server.pause()    SIGSTOP: connections stay open and nothing answers, until `resume()`
redis_server.flush()    FLUSHALL

As a fixture: `redis_server`, one for each test, which may do to it what it likes. What is left in it at the
end must have a time to live: the app needs nothing in Redis for ever.
"""

import signal
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from tests.needs import require
from tests.spawning import spawned

START_TIMEOUT_S: Final = 20.0


class RedisServer:
    """One server: port and folder stay the same over restarts. `options` as on its command line."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self.port = _free_port()
        self._folder = folder / f"redis-{self.port}"
        self._folder.mkdir(parents=True)
        self._options = ["--requirepass", password, *options] if password else list(options)
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As in REDIS_URL when there is nothing more to say."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """As programs want it."""
        return (
            f"redis://:{self._password}@{self.address}/0" if self._password else f"redis://{self.address}/0"
        )

    @property
    def log(self) -> str:
        """All that it said."""
        return (self._folder / "log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Of the server that runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers."""
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = spawned(
                [*command, "--dir", str(self._folder), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, f"Redis ended:\n{self.log[-2000:]}"
            assert time.monotonic() < deadline, f"no answer after {START_TIMEOUT_S:g} s:\n{self.log[-2000:]}"
            time.sleep(0.01)

    def kill(self) -> None:
        """Ends it as a power cut would. Nothing happens when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Nothing answers any more, and nobody is told so."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on as if nothing had been."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Everything in it is gone."""
        self.command("FLUSHALL")

    def command(self, *words: str | int) -> Any:
        """What it answers to a command."""
        with self._client() as client:
            return client.execute_command(*words)

    def kept_for_ever(self) -> list[str]:
        """The keys that have no time to live."""
        with self._client() as client:
            return sorted(key for key in client.scan_iter(count=1000) if client.ttl(key) == -1)

    @property
    def runs(self) -> bool:
        """Whether it was started and neither killed nor paused."""
        return self._process is not None and self._answers()

    def _answers(self) -> bool:
        try:
            return bool(self.command("PING"))
        except redis.RedisError:
            return False

    def _client(self) -> redis.Redis:
        return redis.Redis(
            port=self.port, password=self._password or None, decode_responses=True, socket_timeout=5
        )


@pytest.fixture
def redis_server(tmp_path: Path) -> Generator[RedisServer]:
    """A Redis for this test alone, which fails when something is left in it for ever."""
    require("redis")
    server = RedisServer(tmp_path)
    server.start()
    try:
        yield server
        assert not server.runs or not server.kept_for_ever()
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
