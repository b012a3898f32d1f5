"""One app behind one Caddy, for the tests that look at them together (`test_app_*`)."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.app_build import Build
from tests.app_server import AppServer, free_port, start_app  # noqa: F401
from tests.e2e.fixtures import SETTINGS, app_build, browser, come, upstream  # noqa: F401
from tests.needs import require
from tests.proxy.caddy import Caddy
from tests.proxy.pair import BackendOnly, Pair
from tests.upstream import Upstream

HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and item.path.name.startswith("test_app_"):
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.timeout(300))


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What people reach, and the server behind it."""

    caddy: Caddy
    server: AppServer

    @property
    def url(self) -> str:
        return self.caddy.url


def settings(url: str) -> dict[str, str]:
    """An app that is reached at this address, by everybody."""
    return {
        **SETTINGS,
        "APP_ENV": "production",
        "AUTH_MODE": "guest",
        "PUBLIC_URL": url,
        "SECRET_KEY": "for tests alone, and long enough for that",
        "TRUSTED_PROXY_HOPS": "1",
        "THROTTLE_LIMIT": "100000",
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(
    app_build: Build,  # noqa: F811
    upstream: Upstream,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Site]:
    """As docs/deployment.md says that it is run; the server may be killed by who starts it again."""
    require("caddy")
    folder = tmp_path_factory.mktemp("proxy")
    port = free_port()
    static = str(app_build.web / "build/client")
    # A start takes its time on a machine that does other things as well.
    caddy = Caddy(folder, BACKENDS=f"127.0.0.1:{port}", STATIC_DIR=static, RETRY="120s")
    told = {"OPENAI_BASE_URL": upstream.base_url, **settings(caddy.url)}
    server = AppServer(app_build, data_dir=folder / "server" / "data", env=told, port=port)
    (folder / "server").mkdir()
    try:
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(caddy.__enter__)
        try:
            yield Site(caddy=caddy, server=server)
        finally:
            await asyncio.to_thread(caddy.__exit__, None, None, None)
    finally:
        await asyncio.to_thread(server.stop)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(
    app_build: Build,  # noqa: F811
    upstream: Upstream,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Pair]:
    """Two web processes with one database behind one Caddy."""
    require("caddy")
    folder = tmp_path_factory.mktemp("pair")
    ports = free_port(), free_port()
    static = str(app_build.web / "build/client")
    caddy = Caddy(folder, BACKENDS=" ".join(f"127.0.0.1:{port}" for port in ports), STATIC_DIR=static)
    told = {"OPENAI_BASE_URL": upstream.base_url, **settings(caddy.url)}
    first = AppServer(app_build, data_dir=folder / "data", env=told, port=ports[0])
    second = BackendOnly(app_build, data_dir=folder / "data", env=told, port=ports[1])
    try:
        for server in (first, second):
            await asyncio.to_thread(server.start)
        await asyncio.to_thread(caddy.__enter__)
        try:
            yield Pair(caddy=caddy, servers=(first, second))
        finally:
            await asyncio.to_thread(caddy.__exit__, None, None, None)
    finally:
        for server in (first, second):
            await asyncio.to_thread(server.stop)
