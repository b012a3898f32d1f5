"""The whole of docs/scaling.md on this machine: two web processes and two workers over PostgreSQL and Redis,
behind Caddy. Each part can be restarted as somebody does it who brings a new version."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from tests.app_build import Build
from tests.app_server import AppServer, free_port
from tests.chaos.worker_process import WorkerProcess
from tests.postgres import PostgresServer
from tests.proxy.caddy import Caddy
from tests.proxy.pair import BackendOnly
from tests.redis import RedisServer

#: Supervisors kill what has not ended by then.
ENDS_WITHIN_S: Final = 10.0
REDIS_PASSWORD: Final = "known-to-these-tests-alone"


class Everything:
    """`async with Everything(folder, build, upstream=url) as everything:`"""

    def __init__(self, folder: Path, build: Build, *, upstream: str) -> None:
        self._stack = ExitStack()
        self.redis = RedisServer(folder, password=REDIS_PASSWORD)
        self.postgres = PostgresServer(fsync=True)
        ports = free_port(), free_port()
        backends = " ".join(f"127.0.0.1:{port}" for port in ports)
        self.caddy = Caddy(
            folder, BACKENDS=backends, STATIC_DIR=str(build.web / "build/client"), RETRY="120s"
        )
        self._told = {
            "APP_ENV": "production",
            "AUTH_MODE": "guest",
            "SECRET_KEY": "for tests alone, and long enough for that",
            "PUBLIC_URL": self.caddy.url,
            "TRUSTED_PROXY_HOPS": "1",
            "THROTTLE_LIMIT": "100000",
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": upstream,
            "REDIS_URL": self.redis.address,
            "REDIS_PASSWORD": REDIS_PASSWORD,
            "WORKER": "external",
        }
        self.webs: list[AppServer] = [
            kind(build, data_dir=folder / f"web{port}" / "data", env=self._told, port=port)
            for kind, port in zip((AppServer, BackendOnly), ports, strict=True)
        ]
        self.workers = [WorkerProcess(folder / name, name, **self._told) for name in ("worker-1", "worker-2")]

    async def __aenter__(self) -> "Everything":
        try:
            self._stack.callback(self.redis.kill)
            self.redis.start()
            self._stack.callback(self.postgres.stop)
            url = self.postgres.start().create_database()
            for process in self.processes.values():
                process.env["DATABASE_URL"] = url
                process.data_dir.parent.mkdir(parents=True, exist_ok=True)
                self._stack.callback(process.stop)
            await asyncio.gather(*(asyncio.to_thread(one.start) for one in self.processes.values()))
            await asyncio.to_thread(self._stack.enter_context, self.caddy)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._stack.close)

    @property
    def url(self) -> str:
        """Where people come in."""
        return self.caddy.url

    @property
    def processes(self) -> dict[str, AppServer]:
        """Those of the app, workers first: as docs/scaling.md has it of a new version."""
        webs = {f"web-{number}": web for number, web in enumerate(self.webs, 1)}
        return {**{worker.name: worker for worker in self.workers}, **webs}

    def parts(self) -> dict[str, Callable[[], None]]:
        """How each is restarted; what is not ours comes last."""
        return {
            **{name: partial(restarted, process) for name, process in self.processes.items()},
            "redis": self._restart_redis,
            "postgres": self.postgres.restart,
            "caddy": self._restart_caddy,
        }

    def _restart_redis(self) -> None:
        self.redis.kill()
        self.redis.start()

    def _restart_caddy(self) -> None:
        self.caddy.__exit__(None, None, None)
        self.caddy.__enter__()


def restarted(process: AppServer) -> None:
    """SIGTERM, its end, and a start until it is ready."""
    began = time.monotonic()
    status = process.terminate()
    took = time.monotonic() - began
    assert status == 0, f"it ended with {status}:\n{process.log[-2000:]}"
    assert took <= ENDS_WITHIN_S, f"it took {took:.1f} s to end"
    process.start()
