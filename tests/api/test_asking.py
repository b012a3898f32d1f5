"""Who asks over HTTP is found out once, and whoever asks too often is refused before anybody is asked."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request

from chatapp.api.asking import Asking, anybody, asker
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotSignedIn, Unavailable
from chatapp.streams.memory_limits import MemoryLimits

POLICY = GuardPolicy(
    origins=frozenset(), requests_per_period=3, request_period=timedelta(hours=1), connections_per_address=2
)


class Logins:
    """`<kind>-<account>-<login>` is a login of ours, `made-up` is not."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def login_id(self, cookie: str) -> str | None:
        return None if cookie == "made-up" else cookie

    async def resolve(self, cookie: str) -> Principal | None:
        self.asked.append(cookie)
        kind, _, account = cookie.partition("-")
        if cookie == "made-up":
            return None
        later = datetime.now(UTC) + timedelta(days=1)
        return Principal(
            account_id=account.partition("-")[0], login_id=cookie, kind=AccountKind(kind), expires_at=later
        )


class Http:
    """An app behind it, and what reached it."""

    def __init__(self, policy: GuardPolicy = POLICY) -> None:
        self.logins = Logins()
        self.scopes: list[dict[str, Any]] = []
        self.headers: dict[bytes, bytes] = {}
        limits = MemoryLimits()
        self.asking = Asking(
            self.app,
            policy=policy,
            logins=lambda: self.logins,
            bearers=lambda: self.logins,
            limits=lambda: limits,
        )

    async def app(self, scope: Any, _receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(self, cookie: str = "", *, path: str = "/api/x", address: str = "192.0.2.1") -> int:
        status: list[int] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
                self.headers = dict(message["headers"])

        headers = [(b"cookie", f"chatapp_login={cookie}".encode())] if cookie else []
        scope = {"type": "http", "method": "GET", "scheme": "http", "path": path, "headers": headers}
        await self.asking({**scope, "client": (address, 1)}, None, send)  # pyright: ignore[reportArgumentType]
        return status[0]


async def test_a_login_has_its_share_of_calls() -> None:
    http = Http()
    assert [await http.ask("guest-a-1") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert 0 < int(http.headers[b"retry-after"]) <= 3600
    assert http.headers[b"content-type"] == b"application/problem+json"
    # From the same address; and the refused ones asked nobody.
    assert await http.ask("guest-b-1") == 200
    assert http.logins.asked.count("guest-a-1") == 3


async def test_an_account_has_one_share_for_all_its_logins() -> None:
    http = Http()
    statuses = [await http.ask(f"member-a-{number}") for number in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert await http.ask("member-b-1") == 200


@pytest.mark.parametrize("cookies", [[""] * 5, ["made-up"] * 5, [f"visitor-v{n}-1" for n in range(5)]])
async def test_without_a_login_an_address_has_its_share(cookies: list[str]) -> None:
    """A visitor's cookie costs nothing, so many of them have one share as well."""
    http = Http()
    assert [await http.ask(cookie) for cookie in cookies] == [200, 200, 200, 429, 429]
    assert await http.ask(cookies[0] and "visitor-other-1", address="192.0.2.9") == 200
    assert await http.ask("guest-a-1") == 200


async def test_shares_come_back() -> None:
    """Within the time that the answer said, and not before."""
    http = Http(replace(POLICY, requests_per_period=1, request_period=timedelta(seconds=2)))
    while await http.ask("guest-a-1") == 200:
        pass
    wait = int(http.headers[b"retry-after"])
    assert 1 <= wait <= 2
    await asyncio.sleep(wait)
    assert await http.ask("guest-a-1") == 200


async def test_pages_load_as_often_as_their_sockets_open() -> None:
    """Whoever has no cookie yet would otherwise be given cookies without end."""
    http = Http()
    statuses = [await http.ask(path="/api/enter.js") for _ in range(6)]
    assert statuses == [200] * 4 + [429] * 2
    # Not counted as calls of the API, nor the other way round.
    assert await http.ask() == 200


@pytest.mark.parametrize(
    "path", ["/api/live", "/api/ready", "/api/health", "/", "/c/x", "/assets/x.js", "/apiary"]
)
async def test_signs_of_life_and_pages_are_not_counted(path: str) -> None:
    http = Http()
    assert {await http.ask(path=path) for _ in range(50)} == {200}
    assert http.logins.asked == []


async def test_routes_are_told_who_asks() -> None:
    http = Http()
    for cookie in ("", "made-up"):
        await http.ask(cookie)
        assert anybody(request(http)) is None
    for cookie in ("guest-a-1", "member-a-1"):
        await http.ask(cookie)
        assert asker(request(http)).login_id == cookie
        assert len(http.logins.asked) == len(set(http.logins.asked))


async def test_a_visitor_is_nobody() -> None:
    http = Http()
    await http.ask("visitor-v-1")
    assert anybody(request(http)) is not None
    with pytest.raises(NotSignedIn):
        asker(request(http))


async def test_an_app_that_is_starting_says_so() -> None:
    def not_yet() -> Logins:
        raise Unavailable

    http = Http()
    limits = MemoryLimits()
    http.asking = Asking(http.app, policy=POLICY, logins=not_yet, bearers=not_yet, limits=lambda: limits)
    assert await http.ask() == 503
    assert http.scopes == []


def request(http: Http) -> Any:
    return Request(http.scopes[-1])
