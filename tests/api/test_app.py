"""The first routes: the entrance, signs of life, and answers in one form."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from http.cookies import SimpleCookie

import httpx
import pytest

from chatapp.api import app as app_module
from chatapp.api.app import make_api
from chatapp.api.headers import SecurityHeaders
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import Principal
from chatapp.services.cookies import LoginCookies

LOCAL = GuardPolicy(origins=frozenset(), local_origins=True)
PUBLIC = GuardPolicy(origins=frozenset({"https://chat.example.org"}), https=True)


class Desk:
    cookies = LoginCookies(secret_key="s" * 40, ttl=timedelta(days=30))

    async def resolve(self, cookie: str) -> Principal | None:
        return self.cookies.read(cookie)


async def well() -> Mapping[str, bool | str]:
    return {"database": True}


@asynccontextmanager
async def client(
    policy: GuardPolicy = LOCAL, health: Callable[[], Awaitable[Mapping[str, bool | str]]] = well
) -> AsyncGenerator[httpx.AsyncClient]:
    api = make_api(desk=Desk, health=health, policy=policy)
    served = SecurityHeaders(api, policy=policy, content_security_policy=lambda: "default-src 'none'")  # pyright: ignore
    transport = httpx.ASGITransport(served, raise_app_exceptions=False)  # pyright: ignore
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as it:
        yield it


def cookie_of(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie(answer.headers["set-cookie"])


async def test_a_first_visit_gets_a_cookie() -> None:
    async with client() as it:
        answer = await it.get("/api/enter.js")
        assert answer.status_code == 200
        assert answer.text == ""
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "no-store"
        [(name, morsel)] = cookie_of(answer).items()
        assert name == "chatapp_login"
        assert morsel["httponly"]
        assert not morsel["secure"]
        assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("lax", "/", "")
        assert Desk.cookies.read(morsel.value)


async def test_on_https_the_cookie_is_bound_to_the_host() -> None:
    async with client(PUBLIC) as it:
        [(name, morsel)] = cookie_of(await it.get("/api/enter.js")).items()
        assert name == "__Host-chatapp_login"
        assert morsel["secure"]
        assert morsel["domain"] == ""


async def test_a_guest_keeps_the_cookie() -> None:
    async with client() as it:
        cookie = {"Cookie": f"chatapp_login={Desk.cookies.make()}"}
        assert "set-cookie" not in (await it.get("/api/enter.js", headers=cookie)).headers


@pytest.mark.parametrize("value", ["", "x", "v1.a.1.b", "\xff"])
async def test_a_wrong_cookie_is_replaced(value: str) -> None:
    async with client() as it:
        headers = {b"Cookie": b"chatapp_login=" + value.encode("latin-1")}
        assert "set-cookie" in (await it.get("/api/enter.js", headers=headers)).headers


async def test_another_site_cannot_replace_the_cookie() -> None:
    """Its request comes without the cookie, and looks like a first visit."""
    async with client() as it:
        answer = await it.get("/api/enter.js", headers={"Sec-Fetch-Site": "cross-site"})
        assert "set-cookie" not in answer.headers


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
        for path in ("/api", "/api/x", "/api/enter.js"):
            headers = (await it.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["referrer-policy"] == "same-origin"
            assert "max-age=" in headers["strict-transport-security"]
    async with client() as it:
        assert "strict-transport-security" not in (await it.get("/api")).headers
