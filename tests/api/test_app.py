"""Signs of life, and answers in one form."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chatapp.api import app as app_module
from chatapp.api.app import make_api
from chatapp.api.headers import SecurityHeaders
from chatapp.api.policy import GuardPolicy
from chatapp.domain.errors import Unavailable

LOCAL = GuardPolicy(origins=frozenset(), local_origins=True)
PUBLIC = GuardPolicy(origins=frozenset({"https://chat.example.org"}), https=True)


def nobody_there() -> Any:
    raise Unavailable


async def well() -> Mapping[str, bool | str]:
    return {"database": True}


@asynccontextmanager
async def client(
    policy: GuardPolicy = LOCAL, health: Callable[[], Awaitable[Mapping[str, bool | str]]] = well
) -> AsyncGenerator[httpx.AsyncClient]:
    api = make_api(behind=nobody_there, health=health, policy=policy)
    served = SecurityHeaders(api, policy=policy, content_security_policy=lambda: "default-src 'none'")  # pyright: ignore
    transport = httpx.ASGITransport(served, raise_app_exceptions=False)  # pyright: ignore
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as it:
        yield it


async def test_health() -> None:
    async with client() as it:
        for path in ("/api/health", "/api/ready"):
            answer = await it.get(path)
            assert (answer.status_code, answer.json()) == (
                200,
                {"status": "healthy", "checks": {"database": True}},
            )
        assert (await it.get("/api/live")).status_code == 200


async def sick() -> Mapping[str, bool | str]:
    return {"database": True, "queue": "stuck"}


async def broken() -> Mapping[str, bool | str]:
    raise RuntimeError("secret")


async def hanging() -> Mapping[str, bool | str]:
    await asyncio.sleep(60)
    return {}


@pytest.mark.parametrize("health", [sick, broken, hanging])
async def test_bad_health_is_an_answer(
    health: Callable[[], Awaitable[Mapping[str, bool | str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "HEALTH_TIMEOUT", timedelta(seconds=0.05))
    async with client(health=health) as it:
        answer = await it.get("/api/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unhealthy"
        assert "secret" not in answer.text
        assert (await it.get("/api/live")).status_code == 200


async def test_the_index_names_the_docs() -> None:
    async with client() as it:
        assert (await it.get("/api")).json()["docs"] == "/api/docs"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/x"), ("POST", "/api/x/y"), ("GET", "/api/docs")])
async def test_what_is_not_there_is_a_problem(method: str, path: str) -> None:
    async with client() as it:
        answer = await it.request(method, path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not_found"


async def test_every_answer_has_the_headers() -> None:
    async with client(PUBLIC) as it:
        for path in ("/api", "/api/x", "/api/live"):
            headers = (await it.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["referrer-policy"] == "same-origin"
            assert "max-age=" in headers["strict-transport-security"]
    async with client() as it:
        assert "strict-transport-security" not in (await it.get("/api")).headers
