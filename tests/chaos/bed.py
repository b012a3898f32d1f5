"""The app as it is run, every part of it a real process that can be killed, frozen and cut off.

    async with Bed(folder, SCALED) as bed:
        bed.workers[0].kill()                       # and start(), pause(), resume(), terminate()
        bed.link("web0", "redis").silence()         # and cut(), slow(), strand(), heal()
        bed.ask("SELECT count(*) FROM runs")

Between each process and everything that it talks to there is a proxy; people come in by Caddy where there is
more than one process. `PLANS` has what can be had.
"""

import asyncio
import sqlite3
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.api.process import ApiServer
from tests.app_build import Build
from tests.app_server import AppServer, free_port
from tests.chaos.clock import Clock
from tests.chaos.worker_process import WorkerProcess
from tests.postgres import PostgresServer
from tests.proxy.caddy import Caddy
from tests.redis import RedisServer
from tests.small_disk import SmallDisk, unmounted
from tests.tcp_proxy import Proxy
from tests.upstream import Upstream

SECRET_KEY: Final = "known-to-the-tests-alone-and-long-enough"
REDIS_PASSWORD: Final = "known-to-the-tests-of-redis-alone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How many of what. Without PostgreSQL it is SQLite, without workers the web process is one."""

    name: str
    webs: int = 1
    workers: int = 0
    redis: bool = False
    postgres: bool = False
    caddy: bool = False
    #: After how long a silent worker's replies are taken over.
    lease_s: int = 3
    #: Of a disk that the database has for itself, and that can be filled.
    disk_mb: int = 0
    #: Each process has a clock of its own, which can be set.
    clocks: bool = False


EMBEDDED: Final = Plan(name="embedded")
#: The same with a disk that can be filled: wants root.
LAPTOP: Final = replace(EMBEDDED, name="laptop", disk_mb=64)
SCALED: Final = Plan(name="scaled", webs=2, workers=2, redis=True, postgres=True, caddy=True)
#: The same with leases as they are without a word, on hosts whose disk can be filled and whose clocks can be
#: set: wants root, and faketime.
HOSTS: Final = replace(SCALED, name="hosts", lease_s=10, disk_mb=400, clocks=True)
PLANS: Final = {plan.name: plan for plan in (EMBEDDED, LAPTOP, SCALED, HOSTS)}


class Bed:
    """All of it, running, as long as its block."""

    def __init__(
        self, folder: Path, plan: Plan, *, lease_s: int = 0, build: Build | None = None, **settings: str
    ) -> None:
        """With a build the web processes are the whole app; without one they have no page, and start in a
        fraction of its time."""
        self.plan, self._folder, self._build, self._settings = plan, folder, build, settings
        self.lease_s = lease_s or plan.lease_s
        self.upstream = Upstream()
        self._redis = _redis(folder) if plan.redis else None
        self._postgres = PostgresServer(fsync=True, disk_mb=plan.disk_mb) if plan.postgres else None
        self._caddy: Caddy | None = None
        #: SQLite's.
        self._disk: SmallDisk | None = None
        self.webs: list[AppServer] = []
        self.workers: list[WorkerProcess] = []
        self._links: dict[tuple[str, str], Proxy] = {}
        #: Of the processes, by their names; the plan says whether they have any of their own.
        self.clocks: dict[str, Clock] = {}
        #: Its name.
        self.database = ""
        self._stack = AsyncExitStack()

    @property
    def redis(self) -> RedisServer:
        """Where there is one."""
        assert self._redis is not None
        return self._redis

    @property
    def postgres(self) -> PostgresServer:
        """Where there is one."""
        assert self._postgres is not None
        return self._postgres

    @property
    def disk(self) -> SmallDisk:
        """The database's own, where it has one."""
        disk = self._disk if self._postgres is None else self._postgres.disk
        assert disk is not None
        return disk

    @property
    def doors(self) -> Sequence[str]:
        """Where people come in."""
        if self._caddy is not None:
            return [self._caddy.url]
        return [f"http://127.0.0.1:{web.port}" for web in self.webs]

    @property
    def verify(self) -> ssl.SSLContext | bool:
        """What people trust."""
        return True if self._caddy is None else self._caddy.ssl

    @property
    def caddy(self) -> Caddy:
        """Where there is one."""
        assert self._caddy is not None
        return self._caddy

    @property
    def makers(self) -> Sequence[AppServer]:
        """The processes that make replies."""
        return self.workers or self.webs

    @property
    def processes(self) -> dict[str, AppServer]:
        """Those that are the app, by their names."""
        named = {f"web{number}": web for number, web in enumerate(self.webs)}
        return named | {worker.name: worker for worker in self.workers}

    def link(self, process: str, part: str) -> Proxy:
        """The line between a process of the app and "redis", "postgres" or "upstream"."""
        return self._links[process, part]

    def links(self, part: str) -> list[Proxy]:
        """All lines to it."""
        return [link for (_, other), link in self._links.items() if other == part]

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What is stored, behind the app's back."""
        if self._postgres is not None:
            return self.postgres.run(statement, database=self.database)
        with closing(sqlite3.connect(self.sqlite_file, timeout=20)) as database:
            return database.execute(statement).fetchall()

    @property
    def sqlite_file(self) -> Path:
        """The one process's database."""
        return self.webs[0].data_dir / "chatapp.db"

    async def whole_again(self) -> None:
        """Every line healed and every process running, as it was in the beginning."""
        for link in self._links.values():
            link.heal()
        if self.plan.disk_mb:
            self.disk.free()
        if self._postgres is not None:
            self.postgres.thaw()
            if not self.postgres.is_running:
                await asyncio.to_thread(self.postgres.start)
        if self._redis is not None and not self.redis.runs:
            self.redis.kill()
            await asyncio.to_thread(self.redis.start)
        for clock in self.clocks.values():
            clock.set(hours=0)
        if self._caddy is not None and not self._caddy.is_running:
            await asyncio.to_thread(self._caddy.start)
        for process in self.processes.values():
            process.resume()
        # At once: none is ready alone.
        gone = [process for process in self.processes.values() if not process.is_running]
        await asyncio.gather(*(asyncio.to_thread(process.start) for process in gone))

    def strays(self) -> dict[int, str]:
        """Processes that were started here and belong to none of those that run."""
        known = {pid for process in self.processes.values() if process.is_running for pid in process.pids()}
        found = {int(entry.name): entry for entry in Path("/proc").glob("[0-9]*")}
        return {
            pid: _command_line(entry)
            for pid, entry in found.items()
            if self._is_ours(entry) and pid not in known
        }

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        await self._stack.enter_async_context(self.upstream)
        if self._redis is not None:
            await asyncio.to_thread(self.redis.start)
        if self._postgres is not None:
            await asyncio.to_thread(self.postgres.start)
            self.database = self.postgres.create_database().rpartition("/")[2]
        ports = [free_port() for _ in range(self.plan.webs)]
        if self.plan.caddy:
            self._caddy = self._front(ports)
        self.webs = [await self._web(number, port) for number, port in enumerate(ports)]
        self.workers = [await self._worker(number) for number in range(self.plan.workers)]
        # All at once, as a supervisor does: whoever comes first migrates.
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in self.processes.values()))
        if self._caddy is not None:
            await asyncio.to_thread(self._caddy.start)

    async def _stop(self) -> None:
        if self._caddy is not None:
            await asyncio.to_thread(self._caddy.stop)
        for process in self.processes.values():
            process.resume()
        await asyncio.gather(*(asyncio.to_thread(one.stop) for one in self._started()))
        if self._redis is not None:
            self.redis.kill()
        if self._postgres is not None:
            self.postgres.thaw()
            await asyncio.to_thread(self.postgres.stop)
        if self._disk is not None:
            unmounted(self._disk.folder.parent)
        await self._stack.aclose()

    def _started(self) -> list[AppServer]:
        return [process for process in self.processes.values() if process.was_started]

    def _front(self, ports: Sequence[int]) -> Caddy:
        told = {"BACKENDS": " ".join(f"127.0.0.1:{port}" for port in ports)}
        if self._build is not None:
            told["STATIC_DIR"] = str(self._build.web / "build/client")
        return Caddy(self._folder, **told)

    async def _web(self, number: int, port: int) -> AppServer:
        home, told = self._home(f"web{number}"), await self._environment(f"web{number}")
        if self.plan.disk_mb and not self.plan.postgres:
            self._disk = SmallDisk(home / "data", megabytes=self.plan.disk_mb)
        if self._build is not None:
            return AppServer(self._build, data_dir=home / "data", env=told, port=port, cold=True)
        return ApiServer(home, port=port, cold=True, **told)

    async def _worker(self, number: int) -> WorkerProcess:
        name = f"worker{number}"
        return WorkerProcess(self._home(name), name, cold=True, **await self._environment(name))

    def _home(self, name: str) -> Path:
        """Each has a folder of its own, as on a host of its own."""
        (home := self._folder / name).mkdir(parents=True)
        return home

    async def _environment(self, name: str) -> dict[str, str]:
        port = await self._linked(name, "upstream", self.upstream.port)
        told = {
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "OPENAI_API_KEY": "none",
            "SECRET_KEY": SECRET_KEY,
            "THROTTLE_LIMIT": "100000",
            "SSE_KEEPALIVE_INTERVAL": "1",
            "MAX_STREAMS_PER_USER": "20",
        }
        if self._redis is not None:
            port = await self._linked(name, "redis", self.redis.port)
            told |= {"REDIS_URL": f"127.0.0.1:{port}", "REDIS_PASSWORD": REDIS_PASSWORD}
        if self._postgres is not None:
            port = await self._linked(name, "postgres", self.postgres.port)
            told["DATABASE_URL"] = self.postgres.url(self.database, port=port)
        if self.plan.workers:
            told |= {"WORKER": "external", "LEASE_TTL": str(self.lease_s)}
        if self._caddy is not None:
            told |= {"PUBLIC_URL": self._caddy.url, "TRUSTED_PROXY_HOPS": "1"}
        if self.plan.clocks:
            self.clocks[name] = Clock(self._folder / name)
            # A token is good until its time on whichever clock.
            told |= {**self.clocks[name].environment, "TOKEN_TTL": "86400"}
        return told | self._settings

    async def _linked(self, name: str, part: str, port: int) -> int:
        proxy = await self._stack.enter_async_context(Proxy(port))
        self._links[name, part] = proxy
        return proxy.port

    def _is_ours(self, entry: Path) -> bool:
        try:
            return f"CHATAPP_DATA_DIR={self._folder}".encode() in (entry / "environ").read_bytes()
        except OSError:
            return False


def _redis(folder: Path) -> RedisServer:
    return RedisServer(folder, "--appendonly", "yes", password=REDIS_PASSWORD)


def _command_line(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return "gone"
