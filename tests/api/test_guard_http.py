"""The outer gate and HTTP: what is closed, how much may come, and from whose pages."""

from typing import Any

import pytest

from chatapp.api.guard import Guard
from tests.api.test_guard import POLICY, RULES, Logins


class Http:
    """One HTTP request through the guard."""

    def __init__(self) -> None:
        self.reached = False
        self.status = 0
        self.headers: dict[bytes, bytes] = {}

    async def app(self, _scope: Any, receive: Any, send: Any) -> None:
        self.reached = True
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            raise RuntimeError("as Starlette does")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self, method: str = "GET", path: str = "/", body: int = 0, **headers: str) -> int:
        parts = [{"type": "http.request", "body": b"x" * min(body, 100_000), "more_body": body > 0}]
        parts += [{"type": "http.request", "body": b"x" * 100_000, "more_body": True}] * (body // 100_000)
        parts.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> Any:
            return parts.pop(0)

        async def send(message: Any) -> None:
            self.status = message.get("status", self.status)
            self.headers.update(message.get("headers", ()))

        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs, "scheme": "http"}
        guard = Guard(self.app, policy=POLICY, logins=Logins, bearers=Logins, rules=RULES)
        await guard(scope, receive, send)
        return self.status


@pytest.mark.parametrize(
    "path",
    [
        "/_upload",
        "/_upload/secret.txt",
        "/_all_routes",
        "/auth-codespace",
        "/_health",
        "/_event",
        "/_event/",
        "//_upload",
        "/x/../_upload",
        "/x//y",
        "/\\_upload",
        "/a\0b",
        "/..",
    ],
)
async def test_closed_paths(path: str) -> None:
    request = Http()
    assert await request.ask(path=path) == 404
    assert not request.reached


async def test_bodies_are_limited_while_they_are_read() -> None:
    assert await Http().ask("POST", body=900_000) == 200
    assert await Http().ask("POST", body=1_100_000) == 413
    assert await Http().ask("POST", content_length="300000000") == 413
    assert await Http().ask("POST", content_length="-1", body=1_100_000) == 413


LOGIN = {"cookie": "chatapp_login=good", "host": "localhost:8000"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get"])
async def test_a_foreign_page_cannot_change_anything_with_a_login(method: str) -> None:
    assert await Http().ask(method, origin="https://evil.example", **LOGIN) == 403
    assert await Http().ask(method, origin="null", **LOGIN) == 403
    assert await Http().ask(method, **LOGIN) == 403
    assert await Http().ask(method, origin="http://localhost:3000", **LOGIN) == 200


async def test_a_foreign_page_cannot_log_anybody_in() -> None:
    """Without a cookie as well; a forged log-in puts somebody into an account of the attacker's."""
    assert await Http().ask("POST", origin="https://evil.example", host="localhost:8000") == 403
    assert await Http().ask("POST", origin="null", host="localhost:8000") == 403


async def test_what_changes_nothing_may_come_from_anywhere() -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert await Http().ask(method, origin="https://evil.example", **LOGIN) == 200


async def test_programs_say_no_origin_and_have_no_cookie() -> None:
    assert await Http().ask("POST", authorization="Bearer x") == 200


async def test_a_refusal_is_kept_by_nobody() -> None:
    request = Http()
    assert await request.ask(path="/_upload") == 404
    assert request.headers[b"cache-control"] == b"no-store"
    assert request.headers[b"content-type"] == b"application/problem+json"
