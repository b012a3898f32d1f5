"""The app behind Caddy, as people and programs reach it: nothing is lost, and nothing is believed."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.app_server import StartApp
from tests.chaos.ending import TOKENS, ends_right
from tests.e2e.fixtures import Come
from tests.proxy.caddy import Caddy
from tests.proxy.conftest import Site

COOKIE = "__Host-chatapp_login"
#: What differs from answer to answer, or belongs to the connection that it came by.
OF_THE_MOMENT = {
    "date",
    "server",
    "x-request-id",
    "connection",
    "alt-svc",
    "transfer-encoding",
    "content-length",
}
PAGES = ("/", "/login", "/settings", "/c/1f2e", "/nothing/here/at/all")


@pytest_asyncio.fixture(loop_scope="session")
async def client(site: Site) -> AsyncGenerator[httpx.AsyncClient]:
    async with site.caddy.async_client() as client:
        yield client


async def direct(site: Site, path: str) -> httpx.Response:
    """The same without Caddy, as Caddy would ask it."""
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1", "Accept-Encoding": "gzip"}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.get(f"http://127.0.0.1:{site.server.port}{path}", headers=said)


def headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT}


def scripts(site: Site) -> list[str]:
    """All built scripts, the largest first."""
    folder = site.server.build.web / "build/client/assets"
    found = sorted(folder.glob("*.js"), key=lambda path: path.stat().st_size, reverse=True)
    return [f"/assets/{path.name}" for path in found]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_come_as_the_app_made_them(site: Site, client: httpx.AsyncClient, path: str) -> None:
    """Every header, the policy with its hashes among them; none is kept without asking."""
    here, there = await client.get(path, headers={"Accept-Encoding": "gzip"}), await direct(site, path)
    assert (here.status_code, here.text) == (there.status_code, there.text)
    seen = headers(here)
    assert seen == headers(there)
    assert "'sha256-" in seen["content-security-policy"]
    assert seen["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert seen["cache-control"] == "no-cache"


async def test_scripts_come_from_disk_packed_and_for_ever(site: Site, client: httpx.AsyncClient) -> None:
    """With all that the app says of them, but for the policy: a script has none of its own."""
    path = scripts(site)[0]
    here, there = await client.get(path, headers={"Accept-Encoding": "gzip"}), await direct(site, path)
    assert here.text == there.text
    assert here.headers["content-encoding"] == there.headers["content-encoding"] == "gzip"
    mine, theirs = headers(here), headers(there)
    assert theirs.pop("content-security-policy")
    assert mine.pop("content-security-policy").startswith("default-src 'none'")
    assert mine["content-type"].split(";")[0] == theirs.pop("content-type").split(";")[0]
    for own in ("etag", "last-modified", "vary"):
        theirs.pop(own)
    assert "Accept-Encoding" in mine["vary"]
    assert theirs.items() <= mine.items()
    assert mine["cache-control"] == "public, max-age=31536000, immutable"
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == there.text
    again = await client.get(path, headers={"If-None-Match": here.headers["etag"], "Accept-Encoding": "gzip"})
    assert again.status_code == 304


async def test_a_script_that_is_not_on_disk_is_not_kept_for_ever(
    site: Site, client: httpx.AsyncClient
) -> None:
    """The backend answers; behind a newer page it may be there a minute later."""
    answer = await client.get("/assets/gone-12345678.js")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-cache"


async def test_nothing_beside_the_scripts_is_served(client: httpx.AsyncClient) -> None:
    for path in ("/assets/%2e%2e/%2e%2e/%2e%2e/env.json", "/assets/..%2f..%2f..%2fenv.json", "/assets/"):
        answer = await client.get(path)
        assert "/_event" not in answer.text
        assert answer.status_code == 404


async def test_the_apps_own_refusal_of_large_bodies_arrives(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/login", content=b"x" * 1_500_000)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "This is too much at once."


async def test_the_cookie_is_for_https_and_this_host_alone(client: httpx.AsyncClient) -> None:
    given = (await client.get("/api/enter.js")).headers.get_list("set-cookie")
    [login] = [one for one in given if one.startswith(COOKIE)]
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= {
        part.strip().lower() for part in login.split(";")
    }


async def test_only_our_own_pages_open_the_socket(site: Site, client: httpx.AsyncClient) -> None:
    await client.get("/api/enter.js")
    cookie = f"{COOKIE}={client.cookies[COOKIE]}"
    address = f"wss://localhost:{site.caddy.port}/_event/?EIO=4&transport=websocket&token={uuid4()}"

    async def opens(origin: str | None) -> bool:
        said = {"Cookie": cookie} | ({"Origin": origin} if origin else {})
        try:
            async with connect(address, ssl=site.caddy.ssl, additional_headers=said, proxy=None) as socket:
                return str(await socket.recv()).startswith("0{")
        except InvalidStatus:
            return False

    assert await opens(site.url)
    foreign = ("https://evil.test", f"http://localhost:{site.caddy.port}", "https://localhost", None)
    assert [await opens(origin) for origin in foreign] == [False] * len(foreign)


@pytest.mark.needs("caddy")
def test_a_forged_address_is_no_new_visitor(start_app: StartApp, tmp_path: Path) -> None:
    """The limit of calls holds for who they come from, whatever they say of themselves."""
    server = start_app(TRUSTED_PROXY_HOPS="1", THROTTLE_LIMIT="5")
    with Caddy(tmp_path, BACKENDS=f"127.0.0.1:{server.port}") as caddy, caddy.client() as stranger:
        said = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(10)]
        answers = [stranger.get("/api/me", headers=one).status_code for one in said]
    assert answers[0] != 429
    assert answers[-1] == 429


async def test_a_program_reads_a_reply_while_it_is_made(client: httpx.AsyncClient) -> None:
    """With a token, over the API that OpenAI's library speaks; packing is offered, and not done."""
    token = (await client.post("/api/token", json={"name": "a program"})).json()["token"]
    body = {
        "messages": [{"role": "user", "content": "Numbers [n:60 r:20]"}],
        "stream": True,
        "model": "default",
    }
    said = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    arrivals = list[float]()
    async with client.stream("POST", "/v1/chat/completions", json=body, headers=said) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert "content-encoding" not in answer.headers
        async for line in answer.aiter_lines():
            if '"content"' in line:
                arrivals.append(time.monotonic())
    # The reply takes three seconds; held up on the way, it would come at once.
    assert len(arrivals) > 10
    assert arrivals[-1] - arrivals[0] > 1


async def test_a_page_streams_through_https(site: Site, come: Come) -> None:
    visitor = await come(site.url, ignore_https_errors=True)
    screen = await visitor.opens()
    await screen.sends("Numbers [n:60 r:30]")
    await screen.reply_shows(5)
    await expect(screen.reply).to_have_attribute("data-status", "streaming")
    assert len(await screen.numbers()) < 60
    await screen.reply_is("complete")
    await screen.reply_is_exactly(60)
    await screen.page.reload()
    await screen.reply_is_exactly(60)
    [login] = [one for one in await visitor.context.cookies() if one["name"] == COOKIE]
    assert login["secure"]
    assert login["httpOnly"]
    assert any(one.startswith(f"wss://localhost:{site.caddy.port}/") for one in visitor.seen.addresses)


@pytest.mark.parametrize("fault", ["kill", "terminate"])
async def test_a_backend_that_is_started_again_costs_no_reply(
    site: Site, client: httpx.AsyncClient, come: Come, fault: str
) -> None:
    """In mid-reply: the page goes on by itself, and its reply is whole, once, on the screen and below."""
    visitor = await come(site.url, ignore_https_errors=True)
    visitor.was_cut = True
    screen = await visitor.opens()
    loads: list[str] = []
    screen.page.on("load", lambda page: loads.append(page.url))
    words = f"Numbers [n:{TOKENS} r:60]"
    await screen.sends(words)
    await screen.reply_shows(20)
    await screen.writes("half a thought")
    await asyncio.to_thread(getattr(site.server, fault))
    # Somebody who comes just now waits for a moment, and sees no error.
    late = asyncio.create_task(client.get("/c/1f2e"))
    await asyncio.to_thread(site.server.start)
    assert (await late).status_code == 200
    await screen.is_online(within=10)
    await ends_right(screen, site.server, [words])
    await expect(screen.composer).to_have_value("half a thought")
    assert loads == []
