"""The API as it is served, guard and all, in a process of its own but without the page.

server = ApiServer(tmp_path, OPENAI_BASE_URL=...)    # an AppServer: start, kill -9, start again ...
token = server.token("ann")
"""

import json
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from chatapp.api.access_log import AccessLog
from chatapp.api.app import make_api
from chatapp.api.asking import Asking
from chatapp.api.guard import Guard
from chatapp.api.headers import SecurityHeaders
from chatapp.api.packets import EventRules
from chatapp.api.policy import guard_policy
from chatapp.bootstrap import Services, open_services
from chatapp.domain.errors import Unavailable
from chatapp.domain.health import Report
from chatapp.settings import load_or_exit
from chatapp.telemetry.metrics import Metrics
from tests.app_build import Build
from tests.app_server import AppServer

_opened: list[Services] = []


class ApiServer(AppServer):
    """Starts in a second, where the whole app needs its page built first."""

    def __init__(self, folder: Path, *, port: int | None = None, cold: bool = False, **env: str) -> None:
        super().__init__(
            Build(root=folder),
            data_dir=folder / "data",
            env={"OPENAI_API_KEY": "none", "THROTTLE_LIMIT": "100000", **env},
            port=port,
            target="tests.api.process:app",
            cold=cold,
        )

    def token(self, name: str) -> str:
        """A guest's token."""
        body = json.dumps({"name": name}).encode()
        request = urllib.request.Request(f"{self.url}/api/token", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["token"]

    def delete(self, path: str, token: str) -> None:
        """As its owner."""
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{self.url}{path}", method="DELETE", headers=headers)
        urllib.request.urlopen(request, timeout=20).close()

    @override
    def _prepare_page(self) -> None:
        """There is none."""


@contextmanager
def api_servers(folder: Path) -> Generator[Callable[..., ApiServer]]:
    """`start(SCRIPTED_DELAY="0")` starts a server under `folder`, with the settings as its environment."""
    started: list[ApiServer] = []

    def start(**env: str) -> ApiServer:
        home = folder / f"api{len(started)}"
        home.mkdir()
        started.append(ApiServer(home, **env))
        started[-1].start()
        return started[-1]

    try:
        yield start
    finally:
        for server in started:
            server.stop()


def app() -> Any:
    """What the server's own process runs."""
    settings, metrics = load_or_exit(), Metrics()
    policy = guard_policy(settings, origins=settings.allowed_origins(page_port=3000, backend_port=8000))
    api = make_api(behind=_services, health=_health, policy=policy, metrics=metrics)

    @asynccontextmanager
    async def opened(_app: object) -> AsyncGenerator[None]:
        async with open_services(settings, metrics) as services:
            _opened.append(services)
            yield

    api.router.lifespan_context = opened
    who: dict[str, Any] = {
        "policy": policy,
        "logins": lambda: _services().accounts,
        "bearers": lambda: _services().bearers,
    }
    rules = EventRules(is_handler=lambda _: False, storage_vars=frozenset)
    asking = Asking(api, limits=lambda: _services().limits, **who)
    guard = Guard(asking, rules=rules, **who)  # pyright: ignore[reportArgumentType]
    headers = SecurityHeaders(guard, policy=policy, content_security_policy=lambda: "default-src 'self'")
    return AccessLog(headers, metrics=metrics)


def _services() -> Services:
    if not _opened:
        raise Unavailable
    return _opened[0]


async def _health() -> Report:
    return await _services().health.report()
