"""The API over real sockets, with all services behind it: what a program on another machine meets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import uvicorn

from chatapp.api.asking import Asking
from chatapp.api.guard import Guard
from chatapp.api.packets import EventRules
from chatapp.api.policy import guard_policy
from chatapp.bootstrap import Services
from chatapp.domain.accounts import Principal
from tests.api.made import api_before


def asgi_app(services: Services) -> Any:
    """The API with the doors in front of it, as the app puts them together."""
    policy = guard_policy(services.settings, origins=())
    doors = {
        "policy": policy,
        "logins": lambda: services.accounts,
        "bearers": lambda: services.bearers,
    }
    asking = Asking(api_before(services, policy), **doors, limits=lambda: services.limits)
    rules = EventRules(is_handler=lambda _: False, storage_vars=frozenset)
    return Guard(asking, rules=rules, **doors)


class Api:
    """A server on the loopback, and whoever calls it."""

    def __init__(self, services: Services, url: str, clients: AsyncExitStack) -> None:
        self.services, self.url = services, url
        self._clients = clients

    async def somebody(self) -> "Program":
        """A new guest's program, with the cookie of a browser."""
        cookie = self.services.accounts.cookies.make()
        who = await self.services.accounts.resolve(cookie)
        assert who is not None
        headers = {"Cookie": f"chatapp_login={cookie}", "Origin": self.url}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        return Program(await self._clients.enter_async_context(client), who)

    async def nobody(self) -> "Program":
        """A program without a login."""
        client = httpx.AsyncClient(base_url=self.url, timeout=60, trust_env=False)
        return Program(await self._clients.enter_async_context(client), None)


class Program:
    """Calls the API as somebody."""

    def __init__(self, http: httpx.AsyncClient, who: Principal | None) -> None:
        self.http, self.who = http, who

    async def call(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The answer's JSON; fails unless it has this status."""
        answer = await self.http.request(method, path, **more)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json()

    async def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return await self.call("GET", path, status, params=query or None)

    async def post(self, path: str, status: int = 200, **body: Any) -> Any:
        return await self.call("POST", path, status, json=body)

    async def say(self, message: str, **more: Any) -> Any:
        """A turn with its whole reply."""
        return await self.post("/api/chat", message=message, **more)


@asynccontextmanager
async def served(services: Services) -> AsyncGenerator[Api]:
    """Serves these services on a port of the loopback."""
    config = uvicorn.Config(asgi_app(services), port=0, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 - uvicorn says it in no other way
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with AsyncExitStack() as clients:
            yield Api(services, f"http://127.0.0.1:{port}", clients)
    finally:
        server.should_exit = True
        await serving
