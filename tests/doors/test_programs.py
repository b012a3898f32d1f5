"""Programs at the whole app's doors: what they hold open ends with their key, and whose pages may call."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chatapp.services.accounts import Accounts
from chatapp.services.api_keys import ApiKeys
from chatapp.storage.database import Database
from tests.app_build import Build
from tests.app_server import servers
from tests.doors.conftest import APP
from tests.doors.house import House
from tests.doors.operations import full
from tests.doors.people import LONG_AGO, Person, cookies_of, member
from tests.wire import Tab

pytestmark = pytest.mark.timeout(180)

FRIEND = "https://friend.example"
#: A minute of it.
LONG = "[n:2000 r:30] all of it"

Revoking = Callable[[House, Person, str], Awaitable[None]]


async def on_the_page(house: House, owner: Person, key_id: str) -> None:
    async with Tab.opened(house.url, cookie=owner.cookie) as tab:
        await tab.join(path="/settings")
        await tab.emit(full("keys.revoke"), {"key_id": key_id}, path="/settings")
        await tab.quiet_for(0.5)


async def in_another_process(house: House, _: Person, key_id: str) -> None:
    """Whose memory this server does not share."""
    house.change("UPDATE logins SET revoked_at = ? WHERE id = ?", LONG_AGO, key_id)


async def disabled(house: House, owner: Person, _: str) -> None:
    """Not the key, but whose it is."""
    house.change("UPDATE accounts SET disabled_at = ? WHERE id = ?", LONG_AGO, owner.account_id)


async def key_of(house: House, owner: Person) -> tuple[str, str]:
    """A new key: its id, and the key."""
    database = Database(f"sqlite:///{house.server.data_dir / 'chatapp.db'}")
    try:
        accounts = Accounts(database=database, cookies=cookies_of(house))
        asker = await accounts.resolve((owner.cookie or "").partition("=")[2])
        assert asker is not None
        key, secret = await ApiKeys(database=database, accounts=accounts).create(asker, "a test's")
    finally:
        await database.close()
    return key.id, secret


def client(house: House, **headers: str) -> httpx.AsyncClient:
    headers = {"Host": f"localhost:{house.server.port}", **headers}
    url = f"http://127.0.0.1:{house.server.port}"
    return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60)


async def stream_ends(program: httpx.AsyncClient, begun: asyncio.Event) -> tuple[str, float]:
    """What was streamed of a long reply, and when it ended."""
    seen = ""
    async with program.stream("POST", "/api/chat/stream", json={"message": LONG}) as answer:
        assert answer.status_code == 200
        async for part in answer.aiter_text():
            seen += part
            if "chunk" in seen:
                begun.set()
    return seen, asyncio.get_running_loop().time()


async def socket_ends(house: House, secret: str, begun: asyncio.Event) -> tuple[int, float]:
    """With which code a socket was closed on which a long reply was on its way, and when."""
    url = f"ws://127.0.0.1:{house.server.port}/ws/chat/{uuid4().hex}"
    async with connect(url, additional_headers={"Authorization": f"Bearer {secret}"}, proxy=None) as socket:
        await socket.send(f'{{"message": "{LONG}"}}')
        try:
            while True:
                if "chunk" in str(await socket.recv()):
                    begun.set()
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            return code, asyncio.get_running_loop().time()


@pytest.mark.parametrize("revoke", [on_the_page, in_another_process, disabled])
async def test_what_a_key_holds_open_ends_with_it(house: House, revoke: Revoking) -> None:
    """A stream and a socket within 5 s, in mid-reply; and the key opens nothing any more."""
    owner = await member(house)
    key_id, secret = await key_of(house, owner)
    streaming, talking = asyncio.Event(), asyncio.Event()
    async with client(house, Authorization=f"Bearer {secret}") as program:
        stream = asyncio.create_task(stream_ends(program, streaming))
        socket = asyncio.create_task(socket_ends(house, secret, talking))
        async with asyncio.timeout(60):
            await streaming.wait()
            await talking.wait()
        await revoke(house, owner, key_id)
        revoked = asyncio.get_running_loop().time()
        (seen, stream_ended), (code, socket_ended) = await asyncio.gather(stream, socket)
        assert max(stream_ended, socket_ended) - revoked < 5
        assert '"done"' not in seen
        assert code == 1008
        assert (await program.get("/api/sessions")).status_code == 401


@pytest.fixture
def befriended(app_build: Build, upstream_url: str, tmp_path: Path) -> Generator[House]:
    """An app that one other origin may call."""
    with servers(app_build, tmp_path) as start:
        yield House(
            start(APP, OPENAI_BASE_URL=upstream_url, OPENAI_API_KEY="none", CORS_ALLOWED_ORIGINS=FRIEND)
        )


async def test_pages_of_others_call_when_they_are_named(befriended: House) -> None:
    """A browser asks before it calls, and reads the answer only of those who are named."""
    wanted = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    async with client(befriended) as browser:
        token = (await browser.post("/api/token", json={"name": "Ann"})).json()["token"]
        for path in ("/api/chat", "/api/chat/stream", "/v1/chat/completions"):
            for origin, named in ((FRIEND, True), ("https://foe.example", False), ("null", False)):
                asked = await browser.options(path, headers={"Origin": origin, **wanted})
                headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
                called = await browser.post(path, headers=headers, json={"made": "up"})
                for answer in (asked, called):
                    assert answer.headers.get("access-control-allow-origin") == (origin if named else None)
                    assert "*" not in answer.headers.get("access-control-allow-origin", "")
                if named:
                    allowed = asked.headers["access-control-allow-headers"].lower()
                    assert asked.status_code == 200
                    assert "POST" in asked.headers["access-control-allow-methods"]
                    assert "authorization" in allowed
                    assert "X-RateLimit-Remaining" in called.headers["access-control-expose-headers"]
