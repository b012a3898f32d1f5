"""What the Caddyfile makes of requests, seen from both sides: a client in front, telling backends behind."""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.proxy.backend import Backend
from tests.proxy.caddy import CADDYFILE, Caddy
from tests.waiting import eventually, until

pytestmark = pytest.mark.needs("caddy")


@pytest.fixture
async def backends() -> AsyncGenerator[tuple[Backend, Backend]]:
    async with Backend("one") as one, Backend("two") as two:
        yield one, two


@pytest.fixture
async def caddy(backends: tuple[Backend, Backend], tmp_path: Path) -> AsyncGenerator[Caddy]:
    """In front of both."""
    caddy = Caddy(tmp_path, BACKENDS=" ".join(one.address for one in backends), RETRY="5s")
    await asyncio.to_thread(caddy.__enter__)
    try:
        yield caddy
    finally:
        await asyncio.to_thread(caddy.__exit__, None, None, None)


@pytest.fixture
async def client(caddy: Caddy) -> AsyncGenerator[httpx.AsyncClient]:
    async with caddy.async_client() as client:
        yield client


@asynccontextmanager
async def a_socket(caddy: Caddy, path: str = "/_event/") -> AsyncGenerator[tuple[ClientConnection, str]]:
    """An open one, and the name of the backend that has it."""
    address = f"wss://localhost:{caddy.port}{path}"
    async with connect(address, ssl=caddy.ssl, proxy=None, close_timeout=1) as opened:
        yield opened, str(await opened.recv())


def checked(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": "/nonexistent", **settings}
    command = ["caddy", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=50)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"DOMAIN": "chat.example.org", "CADDY_GLOBAL_OPTIONS": "email ops@example.org"},
        {"DOMAIN": "http://localhost:8080", "BACKENDS": "10.0.0.1:8000 10.0.0.2:8000"},
        {"DOMAIN": "chat.internal", "CADDY_GLOBAL_OPTIONS": "local_certs\nocsp_stapling off"},
    ],
)
def test_it_is_valid_with_and_without_settings(settings: dict[str, str], tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = checked("validate", "--config", str(CADDYFILE), "--adapter", "caddyfile", **home, **settings)
    assert done.returncode == 0, done.stderr
    assert checked("fmt", str(CADDYFILE)).stdout == CADDYFILE.read_text()


async def test_visitors_do_not_choose_their_address(client: httpx.AsyncClient) -> None:
    forged = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test"}
    seen = (await client.get("/v1/models", headers=forged)).json()["headers"]
    assert seen["X-Forwarded-For"] in {"127.0.0.1", "::1"}
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Host"] == seen["Host"] == f"localhost:{client.base_url.port}"


async def test_plain_http_leads_to_https(caddy: Caddy) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://localhost:{caddy.plain_port}/c/1?m=2")
    assert answer.status_code == 308
    assert answer.headers["location"].startswith("https://localhost")
    assert answer.headers["location"].endswith("/c/1?m=2")


async def test_whoever_comes_goes_where_least_is_open(caddy: Caddy) -> None:
    """Sockets are open for hours: so each backend has its share of them."""
    async with AsyncExitStack() as open_sockets:
        names = [(await open_sockets.enter_async_context(a_socket(caddy)))[1] for _ in range(6)]
    assert sorted(names) == ["one"] * 3 + ["two"] * 3


async def test_a_backend_that_died_is_passed_over(
    caddy: Caddy, client: httpx.AsyncClient, backends: tuple[Backend, Backend]
) -> None:
    """Nobody who reads sees an error; what changes something arrives once, or never, and soon as ever."""
    dead, alive = backends
    await dead.stop()
    async with asyncio.timeout(3):
        assert {(await client.get("/c/1")).status_code for _ in range(5)} == {200}
        sent = [await client.post("/api/chat", json={})]
        while sent[-1].status_code != 200 or len(sent) < 20:
            sent.append(await client.post("/api/chat", json={}))
    failed = [answer for answer in sent if answer.status_code != 200]
    assert alive.asked == ["/c/1"] * 5 + ["/api/chat"] * (len(sent) - len(failed))
    # Caddy 2.6 has read the body when it finds that nobody takes it.
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in failed} <= {(502, "5")}
    await dead.start()

    async def is_used() -> bool:
        return (await client.get("/c/1")).json()["backend"] == dead.name

    await eventually(is_used)


async def test_visitors_cannot_make_a_backend_seem_dead(
    backends: tuple[Backend, Backend], tmp_path: Path
) -> None:
    """Uploads that somebody breaks off are no fault of theirs. Nothing waits here, so it would be seen."""
    with Caddy(tmp_path, BACKENDS=" ".join(one.address for one in backends), RETRY="1ms") as caddy:
        for _ in range(6):
            _, writer = await asyncio.open_connection("localhost", caddy.port, ssl=caddy.ssl)
            head = f"POST /api/chat HTTP/1.1\r\nHost: localhost:{caddy.port}\r\nContent-Length: 9\r\n\r\n"
            writer.write(f"{head}half".encode())
            await writer.drain()
            writer.close()
        async with caddy.async_client() as client:
            await until(lambda: caddy.log.count('"uri":"/api/chat"') == 6)
            assert [(await client.get("/c/1")).status_code for _ in range(10)] == [200] * 10


@pytest.mark.parametrize("path", ["/_event/", "/ws/chat/7"])
async def test_a_backends_death_ends_its_own_sockets_alone(
    caddy: Caddy, backends: tuple[Backend, Backend], path: str
) -> None:
    """They can be opened again at once, at the other."""
    async with a_socket(caddy, path) as (first, its_name), a_socket(caddy, path) as (second, other_name):
        assert {its_name, other_name} == {"one", "two"}
        await next(one for one in backends if one.name == its_name).stop()
        async with asyncio.timeout(3):
            with pytest.raises(ConnectionClosed):
                await first.recv()
            async with a_socket(caddy, path) as (_, its_new_name):
                assert its_new_name == other_name
        await second.send("still there")
        assert await second.recv() == "still there"


async def test_while_no_backend_is_there_requests_wait(
    client: httpx.AsyncClient, backends: tuple[Backend, Backend]
) -> None:
    """A restart is not seen as an error. What changes something arrives once, or never."""
    for one in backends:
        await one.stop()
    opened = asyncio.create_task(client.get("/c/1"))
    sent = asyncio.create_task(client.post("/api/chat", json={"message": "hello"}))
    await asyncio.sleep(1)
    assert not opened.done()
    await backends[0].start()
    assert (await opened).status_code == 200
    answer = await sent
    if answer.status_code == 200:
        assert sorted(backends[0].asked) == ["/api/chat", "/c/1"]
    else:  # Caddy 2.6
        assert answer.headers["retry-after"] == "5"
        assert backends[0].asked == ["/c/1"]


async def test_when_none_comes_back_it_is_said_in_the_askers_own_form(tmp_path: Path) -> None:
    caddy = Caddy(tmp_path, BACKENDS="127.0.0.1:9", RETRY="1s")
    with caddy, caddy.client() as client:
        program, browser = client.post("/api/chat", json={}), client.get("/c/1")
    assert {program.status_code, browser.status_code} <= {502, 503}
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["status"] == program.status_code
    assert browser.headers["refresh"] == "5"
    assert "tries again" in browser.text
    for answer in (program, browser):
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "strict-transport-security" in answer.headers
        assert "server" not in answer.headers


async def test_a_stream_comes_event_by_event(
    client: httpx.AsyncClient, backends: tuple[Backend, Backend]
) -> None:
    """The next is sent when the one before has arrived; one that waits in a buffer or a packer never does."""
    for backend in backends:
        backend.events.put_nowait("0")
    async with client.stream("POST", "/api/chat/stream", json={}) as answer:
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers
        lines = answer.aiter_lines()
        for number in range(20):
            async with asyncio.timeout(20):
                assert await anext(lines) == f"data: {number}"
                assert await anext(lines) == ""
            for backend in backends:
                backend.events.put_nowait(str(number + 1))


async def test_a_backend_is_told_that_its_reader_has_gone(
    client: httpx.AsyncClient, backends: tuple[Backend, Backend]
) -> None:
    for backend in backends:
        backend.events.put_nowait("0")
    async with client.stream("POST", "/api/chat/stream", json={}) as answer:
        assert await anext(answer.aiter_lines()) == "data: 0"
    await until(lambda: any(backend.was_left.is_set() for backend in backends))


LIMITS = pytest.mark.parametrize(("path", "limit"), [("/api/chat", 2_000_000), ("/api/files", 32_000_000)])


@LIMITS
async def test_large_bodies_go_no_further(
    client: httpx.AsyncClient, backends: tuple[Backend, Backend], path: str, limit: int
) -> None:
    """One that does not say how long it is, is counted."""

    async def pieces(size: int) -> AsyncGenerator[bytes]:
        for _ in range(size // 1000):
            yield b"x" * 1000

    assert (await client.post(path, content=b"x" * limit)).json()["bytes"] == limit
    assert (await client.post(path, content=pieces(limit))).json()["bytes"] == limit
    refused = await client.post(path, content=pieces(limit + 1000))
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert sum(len(backend.asked) for backend in backends) == 2


@LIMITS
async def test_a_body_that_says_that_it_is_large_is_not_even_read(
    caddy: Caddy, backends: tuple[Backend, Backend], path: str, limit: int
) -> None:
    reader, writer = await asyncio.open_connection("localhost", caddy.port, ssl=caddy.ssl)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{caddy.port}\r\nContent-Length: {limit + 1}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
    assert [backend.asked for backend in backends] == [[], []]


async def test_metrics_stay_inside(client: httpx.AsyncClient, backends: tuple[Backend, Backend]) -> None:
    assert {(await client.get(path)).status_code for path in ("/metrics", "/metrics/", "/metrics?a=1")} == {
        404
    }
    assert [backend.asked for backend in backends] == [[], []]


async def test_answers_are_packed_where_it_is_worth_it(client: httpx.AsyncClient) -> None:
    large = await client.get("/api/sessions?padding=20000", headers={"Accept-Encoding": "gzip"})
    assert large.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in large.headers["vary"]
    assert len(large.json()["padding"]) == 20000
    small = await client.get("/api/sessions", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


async def test_the_log_has_requests_and_no_secrets(
    caddy: Caddy, client: httpx.AsyncClient, backends: tuple[Backend, Backend]
) -> None:
    """Neither of those that were answered, nor of those that failed."""
    url = "/ws/chat/7?token=SECRET-query&q=SECRET-words"
    said = {
        "Authorization": "Bearer SECRET-bearer",
        "Cookie": "__Host-chatapp_login=SECRET-cookie",
        "Referer": f"{caddy.url}/c/1?q=SECRET-referer",
        "X-Api-Key": "SECRET-header",
    }
    await client.get(url, headers=said)
    await client.get("/share/SECRET-link/more?a=SECRET-more")
    for one in backends:
        await one.stop()
    assert (await client.get(url, headers=said)).status_code in {502, 503}
    await until(lambda: caddy.log.count('"logger":"http.log.access') >= 4)
    assert "SECRET" not in caddy.log
    lines = [json.loads(line) for line in caddy.log.splitlines() if '"logger":"http.log.' in line]
    requests = [(line["request"]["uri"], line["status"]) for line in lines]
    assert ("/ws/chat/7?…", 200) in requests
    assert ("/share/…", 200) in requests
    assert requests[-1] in {("/ws/chat/7?…", 502), ("/ws/chat/7?…", 503)}
    assert {line["request"]["remote_ip"] for line in lines} <= {"127.0.0.1", "::1"}
