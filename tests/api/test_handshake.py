"""What a request's head says is read strictly."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from chatapp.api.handshake import (
    bound_token,
    client_address,
    cookie_name,
    inner_scope,
    login_cookies,
    origin_allowed,
    tab_token,
)
from chatapp.api.policy import GuardPolicy

DEVELOPMENT = GuardPolicy(origins=frozenset(), local_origins=True)
PRODUCTION = GuardPolicy(origins=frozenset({"https://chat.example.org"}), https=True)
TOKEN = "0f8fad5b-d9cb-469f-a165-70867728950e"


def scope(query: str = "", client: str = "192.0.2.1", scheme: str = "ws", **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"headers": pairs, "query_string": query.encode(), "client": (client, 1), "scheme": scheme}


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:3000", "localhost:8000"),
        ("http://127.0.0.1:3000", "127.0.0.1:8000"),
        ("http://[::1]:3000", "[::1]:8000"),
    ],
)
def test_development_takes_any_port_of_this_machine(origin: str, host: str) -> None:
    assert origin_allowed(scope(origin=origin, host=host), DEVELOPMENT)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example:3000", "localhost:8000"),
        ("http://evil.example:8000", "evil.example:8000"),
        ("http://localhost.evil.example", "localhost:8000"),
        ("http://127.0.0.1:3000", "localhost:8000"),
        ("http://localhost:3000@evil.example", "localhost:8000"),
        ("http://x@localhost:3000", "localhost:8000"),
        ("http://localhost:3000/", "localhost:8000"),
        ("http://localhost:3000?x", "localhost:8000"),
        ("file://localhost", "localhost:8000"),
        ("null", "localhost:8000"),
        ("", "localhost:8000"),
        ("http://[", "localhost:8000"),
        ("HTTP://LOCALHOST:3000", "localhost:8000"),
        ("http://localhost:3000", ""),
    ],
)
def test_development_takes_no_other(origin: str, host: str) -> None:
    """Names of others may point to this machine (DNS rebinding)."""
    assert not origin_allowed(scope(origin=origin, host=host), DEVELOPMENT)


def test_production_takes_the_list_exactly() -> None:
    assert origin_allowed(scope(origin="https://chat.example.org"), PRODUCTION)
    for origin in ("http://chat.example.org", "https://chat.example.org:444", "https://localhost", "null"):
        assert not origin_allowed(scope(origin=origin, host="chat.example.org"), PRODUCTION)


def test_no_origin_and_two_origins_are_refused() -> None:
    assert not origin_allowed(scope(host="localhost:8000"), DEVELOPMENT)
    twice = scope(origin="http://localhost:3000", host="localhost:8000")
    twice["headers"].append((b"origin", b"http://localhost:3000"))
    assert not origin_allowed(twice, DEVELOPMENT)


def test_the_token_has_the_shape_of_a_uuid() -> None:
    assert tab_token(scope(f"EIO=4&transport=websocket&token={TOKEN}")) == TOKEN
    # No version: Reflex's own generator breaks it in half of the browsers.
    assert tab_token(scope("EIO=4&transport=websocket&t=x&token=00000000-0000-0000-0000-000000000000"))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "EIO=4&transport=websocket",
        f"EIO=4&transport=polling&token={TOKEN}",
        f"EIO=3&transport=websocket&token={TOKEN}",
        f"transport=websocket&token={TOKEN}",
        f"EIO=4&transport=websocket&token={TOKEN}&token={TOKEN}",
        f"EIO=4&transport=websocket&token={TOKEN}&sid=abc",
        f"EIO=4&transport=websocket&token={TOKEN}&j=1",
        f"EIO=4&transport=websocket&token={TOKEN.upper()}",
        f"EIO=4&transport=websocket&token={TOKEN}%0a",
        "EIO=4&transport=websocket&token=../../etc/passwd",
        "EIO=4&transport=websocket&token=*",
        "EIO=4&transport=websocket&token=room-1",
        "EIO=4&transport=websocket&token=",
        "EIO=4&transport=websocket&token=" + "a" * 60_000,
        f"EIO=4&transport=websocket&token={TOKEN}&" + "&".join(["t=1"] * 20),
        "%ff%fe",
        f"EIO=4;transport=websocket;token={TOKEN}",
    ],
)
def test_other_queries_are_refused(query: str) -> None:
    assert tab_token(scope(query)) is None


def test_a_query_that_is_no_ascii_is_refused() -> None:
    assert tab_token({"query_string": b"token=\xff"}) is None


def test_a_token_opens_the_state_of_its_login_only() -> None:
    mine, again, other = (bound_token(TOKEN, login) for login in ("a", "a", "b"))
    assert mine == again
    assert len({mine, other, TOKEN}) == 3
    assert str(UUID(mine)) == mine


def test_what_reflex_is_told() -> None:
    outside = scope(
        f"EIO=4&transport=websocket&token={TOKEN}",
        cookie="chatapp_login=secret",
        authorization="Bearer secret",
        x_amzn_oidc_data="secret",
        x_forwarded_for="198.51.100.7",
        host="localhost",
        user_agent="u" * 10_000,
    )
    inside = inner_scope(outside, login="login=me", token="t", address="192.0.2.0")
    # Log-ins are counted by the address that Reflex tells: it must be the one that the guard counts.
    assert inside["client"] == ("192.0.2.0", 0)
    assert not any(key == b"x-forwarded-for" for key, _ in inside["headers"])
    assert b"secret" not in b"".join(value for pair in inside["headers"] for value in pair)
    assert (b"cookie", b"login=me") in inside["headers"]
    assert inside["query_string"] == b"EIO=4&transport=websocket&token=t"
    assert sum(len(value) for _, value in inside["headers"]) < 1000


@pytest.mark.parametrize(
    ("hops", "forwarded", "seen"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "x" * 5000, "unknown"),
    ],
)
def test_who_is_counted(hops: int, forwarded: str, seen: str) -> None:
    assert client_address(scope(x_forwarded_for=forwarded), trusted_proxy_hops=hops) == seen


def test_the_cookies_name_follows_the_way_it_came() -> None:
    behind_proxy = GuardPolicy(origins=frozenset(), trusted_proxy_hops=1)
    forwarded = scope(x_forwarded_proto="https")
    assert cookie_name(scope(), DEVELOPMENT) == "chatapp_login"
    assert cookie_name(scope(scheme="wss"), DEVELOPMENT) == "__Host-chatapp_login"
    assert cookie_name(scope(), PRODUCTION) == "__Host-chatapp_login"
    assert cookie_name(forwarded, behind_proxy) == "__Host-chatapp_login"
    assert cookie_name(forwarded, DEVELOPMENT) == "chatapp_login"


def test_a_planted_plain_cookie_does_not_count_on_https() -> None:
    both = scope(cookie="chatapp_login=planted; __Host-chatapp_login=mine")
    assert login_cookies(both, PRODUCTION) == ["mine"]
    assert login_cookies(both, DEVELOPMENT) == ["planted"]


def test_many_cookies_are_not_all_tried() -> None:
    many = scope(cookie="; ".join(f"chatapp_login={uuid4()}" for _ in range(50)))
    assert len(login_cookies(many, DEVELOPMENT)) == 2
