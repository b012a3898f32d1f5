"""Programs over HTTP: who they are, what they are told, and what cannot be read; with the real services."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.api.front_door import LOCAL, PUBLIC, Desk, desk

__all__ = ["desk"]

#: Asks for a login and changes nothing.
MINE = "/api/export"
EVIL = {"Origin": "https://evil.example"}
guests_only = pytest.mark.parametrize("desk", ["guests"], indirect=True)


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    said = answer.json()
    is_one = answer.headers["content-type"] == "application/problem+json"
    return is_one and (answer.status_code, said["status"], said["code"]) == (status, status, code)


async def test_without_a_login_one_is_told_how_to_get_one(desk: Desk) -> None:
    answer = await desk.program().get(MINE)
    assert is_problem(answer, 401, "not_signed_in")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "/api/token" in answer.json()["detail"]


async def test_a_key_is_enough(desk: Desk) -> None:
    """Neither a cookie nor an Origin is wanted; the scheme's case does not matter."""
    key = await desk.key()
    answer = await desk.program(key).get(MINE)
    assert answer.status_code == 200
    assert answer.json()["account"]["email"] == "ann@example.org"
    assert (await desk.program().get(MINE, headers={"Authorization": f"bearer  {key}"})).status_code == 200


@guests_only
@pytest.mark.parametrize("how", ["json", "form", "multipart"])
async def test_a_token_is_made_from_a_name(desk: Desk, how: str) -> None:
    sent: dict[str, Any] = {
        "json": {"json": {"name": "Ann"}},
        "form": {"data": {"name": "Ann"}},
        "multipart": {"files": {"name": (None, "Ann")}},
    }[how]
    made = await desk.program().post("/api/token", **sent)
    assert made.status_code == 200
    assert made.json().keys() == {"token", "name", "expires_at"}
    assert made.json()["name"] == "Ann"
    token = made.json()["token"]
    assert (await desk.program(token).get(MINE)).json()["account"]["name"] == "Ann"
    again = await desk.program(token).post("/api/token", **sent)
    assert again.status_code == 200
    assert again.json()["token"] != token
    mine = [
        (await desk.program(one).get(MINE)).json()["account"]["id"] for one in (token, again.json()["token"])
    ]
    assert len(set(mine)) == 1


@guests_only
async def test_a_token_is_logged_out(desk: Desk) -> None:
    token = desk.tokens.issue("Ann").token
    assert (await desk.program(token).post("/api/logout")).status_code == 204
    assert is_problem(await desk.program(token).get(MINE), 401, "bad_token")


async def test_a_key_is_not_logged_out(desk: Desk) -> None:
    key = await desk.key()
    assert is_problem(await desk.program(key).post("/api/logout"), 403, "not_for_keys")
    assert is_problem(await desk.program(key).post("/api/token"), 403, "not_for_keys")
    assert (await desk.program(key).get(MINE)).status_code == 200


@guests_only
@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"json": {"name": " "}}, {"data": {"name": ""}}])
async def test_a_token_wants_a_name(desk: Desk, sent: dict[str, Any]) -> None:
    assert is_problem(await desk.program().post("/api/token", **sent), 422, "invalid")


@pytest.mark.parametrize("desk", ["members only"], indirect=True)
async def test_where_guests_are_not_let_in_there_are_no_tokens(desk: Desk) -> None:
    answer = await desk.program().post("/api/token", json={"name": "Ann"})
    assert is_problem(answer, 403, "sign_up_closed")


@pytest.mark.parametrize("bearer", ["made-up", "chatapp_made-up", "", "two words", "\xe4"])
@pytest.mark.parametrize("path", [MINE, "/api", "/api/nothing", "/v1/models", "/api/login"])
async def test_a_wrong_bearer_is_wrong_everywhere(desk: Desk, bearer: str, path: str) -> None:
    """Beside a good cookie as well: who brings a bearer is that, or nobody."""
    cookie = (await desk.member()).cookie
    headers = {"Authorization": f"Bearer {bearer}".encode("latin-1")}
    for client in (desk.program(), desk.browser(cookie)):
        answer = await client.request("POST" if path == "/api/login" else "GET", path, headers=headers)  # pyright: ignore
        assert answer.headers["www-authenticate"] == "Bearer"
        if path.startswith("/v1"):
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
        else:
            assert is_problem(answer, 401, "bad_token")
        assert "/api/token" in answer.text


async def test_two_bearers_are_none(desk: Desk) -> None:
    key = await desk.key()
    twice = httpx.Headers([("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")])
    assert is_problem(await desk.program().get(MINE, headers=twice), 401, "bad_token")


async def test_a_proxys_password_is_no_bearer(desk: Desk) -> None:
    """A proxy in front may ask for one of its own, which comes along."""
    cookie = (await desk.member()).cookie
    answer = await desk.browser(cookie).get(MINE, headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 200


async def test_a_token_in_the_query_is_none(desk: Desk) -> None:
    """Addresses are written into logs, histories and other sites' statistics."""
    answer = await desk.program().get(MINE, params={"token": await desk.key()})
    assert is_problem(answer, 401, "not_signed_in")


async def test_a_cookie_is_only_our_own_pages(desk: Desk) -> None:
    """Whoever says that they are another page is nobody, though nothing is changed; with a key they bring a
    secret of their own."""
    cookie = (await desk.member()).cookie
    assert (await desk.browser(cookie).get(MINE)).status_code == 200
    assert is_problem(await desk.browser(cookie).get(MINE, headers=EVIL), 401, "not_signed_in")
    assert is_problem(await desk.browser(cookie).post("/api/logout", headers=EVIL), 403, "refused")
    asker = await desk.accounts.resolve(cookie)
    assert asker is not None
    _, key = await desk.api_keys.create(asker, "script")
    assert (await desk.program(key).get(MINE, headers=EVIL)).status_code == 200
    # Past the guard, and the cookie beside it does not count.
    both = {**EVIL, "Authorization": f"Bearer {key}"}
    assert is_problem(await desk.browser(cookie).post("/api/logout", headers=both), 403, "not_for_keys")
    assert (await desk.browser(cookie).get(MINE)).status_code == 200


async def test_each_answer_says_what_is_left(desk: Desk) -> None:
    client = desk.program(await desk.key(), policy=replace(LOCAL, requests_per_period=3))
    answers = [await client.get(path) for path in ("/api", MINE, "/api/nothing", "/api", "/api")]
    assert [one.status_code for one in answers] == [200, 200, 404, 429, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["2", "1", "0", "0", "0"]
    assert {one.headers["x-ratelimit-limit"] for one in answers} == {"3"}
    assert all(one.headers["x-ratelimit-reset"].isdigit() for one in answers)
    assert is_problem(answers[-1], 429, "too_many")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_wrong_bearers_are_their_addresses(desk: Desk) -> None:
    """Guessing is over soon, and nobody is looked up any more; a good one from there goes on."""
    key = await desk.key()
    policy = replace(LOCAL, requests_per_period=3)
    client = desk.program(policy=policy)
    tried = [
        (await client.get(MINE, headers={"Authorization": f"Bearer chatapp_{number}"})).status_code
        for number in range(5)
    ]
    assert tried == [401, 401, 401, 429, 429]
    good = {"Authorization": f"Bearer {key}"}
    assert (await client.get(MINE, headers=good)).status_code == 429
    # It was known before: then it has a share of its own.
    fresh = desk.program(policy=policy)
    assert (await fresh.get(MINE, headers=good)).status_code == 200
    for number in range(5):
        await fresh.get(MINE, headers={"Authorization": f"Bearer chatapp_{number}"})
    assert (await fresh.get(MINE, headers=good)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"email":' * 50_000,
        b'{"email": ' + b"9" * 100_000 + b"}",
        b'{"email": 1e999999}',
        b'{"email": "\\ud800", "password": "x"}',
        b'{"\\ud800": 1}',
        b'{"' + b"x" * 500_000 + b'": 1}',
        b'{"email": "a\\u0000b", "password": "x"}',
        b"\xff\xfe",
        b"{",
        b"NaN",
        b"",
        b"null",
        b"[]",
    ],
)
@pytest.mark.parametrize("path", ["/api/login", "/api/token"])
async def test_what_cannot_be_read_is_told_so(desk: Desk, path: str, body: bytes) -> None:
    answer = await desk.program().post(path, content=body, headers={"Content-Type": "application/json"})
    # Where guests are not let in, nobody asks for the name.
    assert answer.status_code == 422 or (path == "/api/token" and (body == b"" and answer.status_code == 403))
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 5_000


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "", "application/jsonp", "multipart/form-data"]
)
@pytest.mark.parametrize("path", ["/api/login", "/api/token"])
async def test_other_kinds_of_content_are_refused(desk: Desk, path: str, kind: str) -> None:
    answer = await desk.program().post(path, content=b'{"x": 1}', headers={"Content-Type": kind})
    assert answer.status_code in {400, 415, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_long_body_is_refused_while_it_is_read(desk: Desk) -> None:
    """Without a declared length, and in small parts: nobody waits for its end."""
    sent = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal sent
        yield b'{"email": "'
        while True:
            sent += 10_000
            yield b"x" * 10_000

    for path in ("/api/login", "/api/token"):
        sent = 0
        answer = await desk.program().post(
            path, content=endless(), headers={"Content-Type": "application/json"}
        )
        assert is_problem(answer, 413, "refused")
        assert sent <= LOCAL.max_body_bytes + 50_000


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/token", "OPTIONS, POST"),
        ("DELETE", "/api/login", "OPTIONS, POST"),
        ("POST", "/api/export", "GET, OPTIONS"),
        ("HEAD", "/api/export", "GET, OPTIONS"),
        ("PUT", "/api/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/api", "GET, OPTIONS"),
    ],
)
async def test_other_methods_are_refused_with_those_that_are_not(
    desk: Desk, method: str, path: str, allow: str
) -> None:
    answer = await desk.program().request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow
    assert answer.headers["content-type"] == "application/problem+json"
    options = await desk.program().options(path)
    assert (options.status_code, options.headers["allow"]) == (204, allow)


async def test_monitors_may_ask_for_the_head(desk: Desk) -> None:
    for path in ("/api/health", "/api/live", "/api/ready"):
        assert (await desk.program().head(path)).status_code == 200


async def test_pages_of_others_may_read_what_is_left(desk: Desk) -> None:
    exposed = (await desk.program().get("/api")).headers["access-control-expose-headers"]
    assert {"x-ratelimit-remaining", "retry-after", "x-request-id"} <= set(exposed.lower().split(", "))


async def test_on_https_bearers_work_as_well(desk: Desk) -> None:
    assert (await desk.program(await desk.key(), policy=PUBLIC).get(MINE)).status_code == 200
