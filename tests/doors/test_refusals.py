"""Who is refused at the door leaves nothing behind: no state, no row, no socket."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus

from tests.app_build import Build
from tests.app_server import servers
from tests.doors.house import House
from tests.wire import Tab, guest_cookie

#: The names of tests hold these: other ones at each collection could not be run by several processes.
TOKEN, ANOTHER = "5f2d3e60-8f0b-4a55-9d86-0f6f2b1f7c11", "c1b0a8d4-3f3e-4b6a-8a51-9f6f1f0b2d22"
GOOD = f"EIO=4&transport=websocket&token={TOKEN}"


async def refused(house: House, **how: Any) -> int:
    """The HTTP status of a socket that stays shut."""
    with pytest.raises((InvalidStatus, InvalidMessage)) as error:
        async with Tab.opened(house.url, **how):
            pass
    return error.value.response.status_code if isinstance(error.value, InvalidStatus) else 0


@pytest.mark.parametrize(
    "how",
    [
        {"origin": None},
        {"origin": "https://evil.example"},
        {"origin": "http://evil.example:{port}"},
        {"origin": "http://localhost.evil.example:{port}"},
        {"origin": "null"},
        {"token": None},
        {"token": "room-1"},
        {"token": "../../etc/passwd"},
        {"token": "*"},
        {"token": TOKEN + "0"},
        {"token": "a" * 4000},
        {"query": ""},
        {"query": GOOD + "&token=" + ANOTHER},
        {"query": GOOD + "&sid=abc"},
        {"query": GOOD.replace("websocket", "polling")},
        {"query": GOOD.replace("EIO=4", "EIO=3")},
        {"path": "/"},
        {"path": "/_event"},
        {"path": "/_event//"},
        {"path": "//_event/"},
        {"path": "/_event/../_event/"},
        {"path": "/%5fevent/x"},
        {"path": "/_upload"},
        {"path": "/ws/other"},
        {"path": "/api/enter.js"},
    ],
    ids=str,
)
async def test_a_wrong_handshake(house: House, how: dict[str, Any]) -> None:
    port = str(house.server.port)
    if how.get("origin"):
        how = {"origin": how["origin"].replace("{port}", port)}
    await house.at_rest()
    cookie, before, rows = guest_cookie(house.url), house.inside(), house.rows()
    assert await refused(house, cookie=cookie, **how) in {0, 400, 403, 404}
    assert await house.settled(before) == before
    assert house.rows() == rows
    assert await house.is_alive()


def forged(house: House) -> list[str | None]:
    name, _, good = guest_cookie(house.url).partition("=")
    version, bits, made_at, signature = good.split(".")
    later = str(int(made_at) + 1)
    return [
        None,
        "",
        f"{name}=",
        f"{name}={ANOTHER}",
        f"{name}={'A' * 4000}",
        f"{name}={version}.{bits[::-1]}.{made_at}.{signature}",
        f"{name}={version}.{bits}.{later}.{signature}",
        f"{name}={version}.{bits}.{made_at}.{signature[::-1]}",
        *(f"{name}={form}.{bits}.{made_at}.{signature}" for form in ("v0", "v2", "v3", "V1")),
        *(f"{name}={form}.{bits}.{made_at}.{'A' * 43}" for form in ("v0", "v1", "v2")),
        f"{name}=v2.{'A' * 43}.{made_at}.{signature}",
        f"{name}={signature}",
        f"{name}={version}.{bits}.{made_at}.",
        f"__Host-{name}={good}",
        *(f"login={'0' * 32}.{'0' * 32}.{kind}.{later}" for kind in ("guest", "member", "visitor")),
        *(f"{name}={'0' * 32}.{'0' * 32}.{kind}.{later}" for kind in ("guest", "member")),
        f"{name}={good}x",
    ]


async def test_invented_cookies(house: House) -> None:
    await house.at_rest()
    before, rows = house.inside(), house.rows()
    for cookie in forged(house):
        assert await refused(house, cookie=cookie) == 403, cookie
    assert await house.settled(before) == before
    assert house.rows() == rows
    assert await house.is_alive()


async def test_a_cookie_of_another_installation(house: House, small_house: House) -> None:
    assert await refused(house, cookie=guest_cookie(small_house.url)) == 403


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/_event/?EIO=4&transport=polling",
        "/_event/?EIO=4&transport=polling&token=" + TOKEN,
        "/_event",
        "/_upload",
        "/_upload/x",
        "/_upload/../chatapp.db",
        "/_all_routes",
        "/auth-codespace",
        "/_health",
        "//_upload/x",
        "/%2e%2e/chatapp/settings/model.py",
        "/..%2f..%2frxconfig.py",
        "/assets/..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "/assets//etc/passwd",
        "/_event/%2e%2e/_upload",
    ],
)
def test_closed_doors(house: House, method: str, path: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{house.server.port}{path}", method=method, data=b"")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    with error.value as answer:
        assert answer.code in {403, 404, 405}
        body = answer.read()
    assert b"root:" not in body
    assert b"sid" not in body


def test_a_large_body_is_refused_early(house: House) -> None:
    request = urllib.request.Request(
        f"{house.url}/api/health", method="POST", data=b"x" * 2_000_000, headers={"Origin": house.url}
    )
    with pytest.raises((urllib.error.HTTPError, ConnectionError, urllib.error.URLError)) as error:
        urllib.request.urlopen(request, timeout=10)
    if isinstance(error.value, urllib.error.HTTPError):
        with error.value as answer:
            assert answer.code == 413


async def test_an_address_has_its_share_of_sockets(small_house: House) -> None:
    """More are refused and leave nothing; those that are there are served on."""
    cookies = [guest_cookie(small_house.url) for _ in range(51)]
    tabs = [Tab.opened(small_house.url, cookie=cookie) for cookie in cookies[:50]]
    opened = [await tab.__aenter__() for tab in tabs]
    before = small_house.inside()
    assert await refused(small_house, cookie=cookies[50]) == 403
    assert small_house.inside() == before
    await opened[0].join()
    assert await opened[0].answers()
    for tab in tabs:
        await tab.__aexit__(None, None, None)
    assert await small_house.is_alive()


async def test_a_browser_has_its_share_of_tabs(house: House) -> None:
    cookie = guest_cookie(house.url)
    tabs = [Tab.opened(house.url, cookie=cookie) for _ in range(20)]
    for tab in tabs:
        await tab.__aenter__()
    assert await refused(house, cookie=cookie) == 403
    for tab in tabs:
        await tab.__aexit__(None, None, None)
    assert await house.is_alive()


async def test_production_takes_its_own_origin_only(app_build: Build, tmp_path: Path) -> None:
    """Behind https: the exact origin, and the cookie that is bound to the host."""
    settings = {
        "APP_ENV": "production",
        "AUTH_MODE": "guest",
        "SECRET_KEY": "a-secret-of-the-tests-0123456789-0123456789",
        "PUBLIC_URL": "https://chat.example.org",
    }
    with servers(app_build, tmp_path) as start:
        house = House(start("tests.doors.inspected_app:app", **settings))
        answer = house.server.get("/api/enter.js")
        assert answer.headers["set-cookie"].startswith("__Host-chatapp_login=")
        assert "; Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers
        cookie = answer.headers["set-cookie"].partition(";")[0]
        async with Tab.opened(house.url, cookie=cookie, origin="https://chat.example.org") as tab:
            await tab.join()
        for origin in (house.url, "http://chat.example.org", "https://chat.example.org:8443"):
            assert await refused(house, cookie=cookie, origin=origin) == 403
        plain = cookie.removeprefix("__Host-")
        assert await refused(house, cookie=plain, origin="https://chat.example.org") == 403
