"""A Caddy of the test's own: the project's Caddyfile on high ports, a certificate of its own making.

with Caddy(tmp_path, BACKENDS="127.0.0.1:8000") as caddy:
    caddy.client().get("/api/live")
"""

import os
import signal
import ssl
import subprocess
import time
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from tests.app_build import PROJECT
from tests.app_server import free_port
from tests.spawning import spawned

CADDYFILE: Final = PROJECT / "Caddyfile"
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 15.0
_ROOT: Final = "caddy/pki/authorities/local/root.crt"


class Caddy:
    """Runs as long as its block; what it is told beside its ports is given as settings."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.plain_port = free_port()
        self._home = folder / f"caddy-{self.port}"
        self._home.mkdir()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> str:
        """All that it said: requests, errors, itself."""
        return (self._home / "log").read_text(errors="replace")

    @cached_property
    def ssl(self) -> ssl.SSLContext:
        """Trusts this Caddy's certificates and no others."""
        return ssl.create_default_context(cafile=str(self._home / _ROOT))

    def client(self) -> httpx.Client:
        """Asks it as a program would: with no proxies of the machine's own."""
        return httpx.Client(base_url=self.url, verify=self.ssl, trust_env=False, timeout=30)

    def async_client(self) -> httpx.AsyncClient:
        """The same, beside other things."""
        return httpx.AsyncClient(base_url=self.url, verify=self.ssl, trust_env=False, timeout=30)

    def environment(self) -> dict[str, str]:
        """Nothing of the machine's own Caddy is read or written."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "XDG_DATA_HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._home),
            "CADDY_ADMIN": "off",
            "HTTP_PORT": str(self.plain_port),
            "HTTPS_PORT": str(self.port),
            "STATIC_DIR": str(self._home / "nothing"),
            **self._settings,
        }

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it answers."""
        with (self._home / "log").open("ab") as log:
            self._process = spawned(
                ["caddy", "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
                cwd=self._home,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """kill -9: every connection through it is reset."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"Caddy ended:\n{self.log[-4000:]}"
            if (self._home / _ROOT).exists():
                try:
                    with self.client() as client:
                        client.get("/metrics")
                        return
                except (
                    httpx.TransportError,
                    ssl.SSLError,
                ):  # not listening, or the certificate is half written
                    pass
            time.sleep(0.05)
        raise AssertionError(f"no answer after {START_TIMEOUT_S:g} s:\n{self.log[-4000:]}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after a while."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
