"""Two web processes of one app behind one Caddy; which of them has whose tab."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from tests.app_build import Build
from tests.app_server import AppServer
from tests.proxy.caddy import Caddy
from tests.waiting import eventually


class BackendOnly(AppServer):
    """Started as docs/scaling.md says of a further process: by Reflex's own command, without a build."""

    def __init__(self, build: Build, **options: Any) -> None:
        super().__init__(build, **options, cold=True)

    @property
    @override
    def command(self) -> list[str]:
        where = ["--backend-host", "127.0.0.1", "--backend-port", str(self.port)]
        return ["reflex", "run", "--env", "prod", "--backend-only", *where]

    @override
    def _environment(self) -> dict[str, str]:
        return {
            name: value for name, value in super()._environment().items() if name != "REFLEX_FRONTEND_PORT"
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What people reach, and what is behind it; who kills one starts it again."""

    caddy: Caddy
    servers: tuple[AppServer, AppServer]

    @property
    def url(self) -> str:
        return self.caddy.url

    def other(self, server: AppServer) -> AppServer:
        first, second = self.servers
        return second if server is first else first

    @property
    def maker(self) -> AppServer:
        """The one that makes the replies."""
        here = [one for one in self.servers if "this process" in str(one.get("/api/ready").json())]
        assert len(here) == 1
        return here[0]

    async def started(self, server: AppServer) -> None:
        """Starts it again, and returns when Caddy sends people there."""
        await asyncio.to_thread(server.start)
        before = server.log.count("route=/api/docs")
        async with self.caddy.async_client() as client:

            async def is_asked() -> bool:
                await client.get("/api/docs")
                return server.log.count("route=/api/docs") > before

            await eventually(is_asked, seconds=30)

    async def pages(self, server: AppServer) -> int:
        """How many pages are connected to it."""
        return await self._number(server, "chatapp_sockets_open")

    async def programs(self, server: AppServer) -> int:
        """How many programs' streams it has."""
        return await self._number(server, "chatapp_streams_open")

    async def _number(self, server: AppServer, name: str) -> int:
        answer = await asyncio.to_thread(server.get, "/metrics")
        lines = re.findall(rf"^{name}(?:{{.*}})? ([0-9.e+]+)$", answer.body.decode(), re.MULTILINE)
        return int(sum(map(float, lines)))
