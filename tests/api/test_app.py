"""Signs of life, and answers in one form."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chatapp.api import health as health_module
from chatapp.api.app import make_api
from chatapp.api.headers import SecurityHeaders
from chatapp.api.policy import GuardPolicy
from chatapp.domain.errors import Unavailable
from chatapp.domain.health import Report
from chatapp.telemetry.metrics import Metrics

LOCAL = GuardPolicy(origins=frozenset(), local_origins=True)
PUBLIC = GuardPolicy(origins=frozenset({"https://chat.example.org"}), https=True)


def nobody_there() -> Any:
    raise Unavailable


async def well() -> Report:
    return Report(checks={"database": True})


@asynccontextmanager
async def client(
    policy: GuardPolicy = LOCAL, health: Callable[[], Awaitable[Report]] = well, peer: str = "127.0.0.1"
) -> AsyncGenerator[httpx.AsyncClient]:
    api = make_api(behind=nobody_there, health=health, policy=policy, metrics=Metrics())
    served = SecurityHeaders(api, policy=policy, content_security_policy=lambda: "default-src 'none'")  # pyright: ignore
    transport = httpx.ASGITransport(served, client=(peer, 1), raise_app_exceptions=False)  # pyright: ignore
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as it:
        yield it


async def test_health() -> None:
    async with client() as it:
        for path in ("/api/health", "/api/ready"):
            answer = await it.get(path)
            assert (answer.status_code, answer.json()) == (
                200,
                {"status": "healthy", "checks": {"database": True}, "details": {}},
            )
        assert (await it.get("/api/live")).status_code == 200


async def busy() -> Report:
    return Report(checks={"worker": True}, details={"worker": "host-1-abc123 (3 of 100)"})


@pytest.mark.parametrize(
    ("headers", "peer", "told"),
    [
        ({}, "127.0.0.1", True),
        ({}, "::1", True),
        ({}, "192.0.2.1", False),
        ({"Host": "chat.example.org"}, "127.0.0.1", False),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", False),
    ],
)
@pytest.mark.parametrize("path", ["/api/health", "/api/ready"])
async def test_names_of_hosts_are_for_this_machine(
    path: str, headers: dict[str, str], peer: str, told: bool
) -> None:
    """A stranger is told that it works, and nothing of what does it."""
    async with client(health=busy, peer=peer) as it:
        answer = await it.get(path, headers=headers)
        assert answer.status_code == 200
        assert answer.json()["checks"] == {"worker": True}
        assert ("host-1" in answer.text) is told
        assert answer.json()["details"].keys() == ({"worker"} if told else set())


async def sick() -> Report:
    return Report(checks={"database": True, "queue": "stuck"})


async def broken() -> Report:
    raise RuntimeError("secret")


async def hanging() -> Report:
    await asyncio.sleep(60)
    return Report(checks={})


@pytest.mark.parametrize("health", [sick, broken, hanging])
async def test_bad_health_is_an_answer(
    health: Callable[[], Awaitable[Report]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "HEALTH_TIMEOUT", timedelta(seconds=0.05))
    async with client(health=health) as it:
        answer = await it.get("/api/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unhealthy"
        assert "secret" not in answer.text
        assert (await it.get("/api/live")).status_code == 200


async def test_the_index_names_the_docs() -> None:
    async with client() as it:
        assert (await it.get("/api")).json()["docs"] == "/api/docs"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/x"), ("POST", "/api/x/y")])
async def test_what_is_not_there_is_a_problem(method: str, path: str) -> None:
    async with client() as it:
        answer = await it.request(method, path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not_found"


async def test_what_openai_has_and_we_have_not_is_said_in_its_words() -> None:
    async with client() as it:
        for path in ("/v1", "/v1/responses", "/v1/embeddings"):
            answer = await it.post(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["error"]["type"] == "invalid_request_error"


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
