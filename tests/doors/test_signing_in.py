"""The page's way in, over a real socket and real HTTP, and no secret stays behind; who else may use the API,
and how often."""

import json
from collections.abc import Generator
from typing import Final
from uuid import uuid4

import httpx
import pytest

from tests.app_build import Build
from tests.app_server import app_build, servers  # noqa: F401
from tests.doors.conftest import APP
from tests.doors.house import CHAT, House
from tests.doors.operations import full
from tests.doors.people import Person, call
from tests.wire import Tab, guest_cookie
from tests.wire.packets import STATE

pytestmark = pytest.mark.timeout(180)

PROVIDER_KEY: Final = f"sk-{uuid4().hex}"
SECRET_KEY: Final = f"{uuid4().hex}{uuid4().hex}"
FRIEND: Final = "https://friend.example.org"
LIMIT: Final = 40


@pytest.fixture(scope="module")
def strict(
    app_build: Build,  # noqa: F811
    upstream_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[House]:
    """A server that says all it would ever say to its log."""
    with servers(app_build, tmp_path_factory.mktemp("strict")) as start:
        yield House(
            start(
                APP,
                OPENAI_BASE_URL=upstream_url,
                OPENAI_API_KEY=PROVIDER_KEY,
                SECRET_KEY=SECRET_KEY,
                LOG_LEVEL="debug",
                THROTTLE_LIMIT=str(LIMIT),
                CORS_ALLOWED_ORIGINS=FRIEND,
            )
        )


def browser(house: House) -> Person:
    return Person(cookie=guest_cookie(house.url))


def cookie_in(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


async def register(tab: Tab, email: str, password: str) -> str:
    """As the page does it; the ticket."""
    await tab.emit(full("entering.register"), {"name": "Ann", "email": email, "password": password})
    await tab.until(lambda: bool(tab.var("door", "ticket") or tab.var("entering", "problem")))
    assert not tab.var("entering", "problem")
    return tab.var("door", "ticket")


async def admit(house: House, somebody: Person, ticket: str) -> httpx.Response:
    return await call(house, "GET", f"/api/admit?ticket={ticket}&next=/c/abc", somebody)


async def test_a_guest_becomes_a_member_and_no_secret_stays(strict: House) -> None:
    """The guest's conversation is the member's; the ticket is for this browser, once; and what was secret is
    in no state, no log, no answer and no file."""
    guest, thief = browser(strict), browser(strict)
    email, password, token = f"{uuid4().hex}@example.org", f"pass {uuid4()}", str(uuid4())
    conversation_id, wrong, said = uuid4().hex, f"wrong {uuid4()}", list[str]()
    async with Tab.opened(strict.url, cookie=guest.cookie, token=token) as tab:
        await tab.join()
        sent = {"key": uuid4().hex, "conversation_id": conversation_id, "text": "[n:5 r:999]", "model": ""}
        await tab.emit(f"{CHAT}.send", sent)
        await tab.until(lambda: bool(tab.var("chat", "acked")))
        await tab.emit(full("entering.log_in"), {"email": email, "password": wrong})
        await tab.until(lambda: bool(tab.var("entering", "problem")))
        await tab.emit(full("entering.show"), {"creating": True})
        await tab.until(lambda: not tab.var("entering", "problem"))
        ticket = await register(tab, email, password)
        said.append(json.dumps(tab.state))
    stolen = await admit(strict, thief, ticket)
    assert (stolen.status_code, "set-cookie" in stolen.headers) == (401, False)
    async with Tab.opened(strict.url, cookie=guest.cookie) as tab:
        await tab.join()
        ticket = await again(tab, email, password)
    answer = await admit(strict, guest, ticket)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/abc")
    member = Person(cookie=cookie_in(answer))
    assert (await admit(strict, guest, ticket)).status_code == 401
    async with Tab.opened(strict.url, cookie=member.cookie) as tab:
        await tab.join(path=f"/c/{conversation_id}")
        await tab.until(lambda: not tab.var("chat", "missing"))
        said.append(json.dumps(tab.state))
    refused = ({"email": email, "password": wrong}, {"email": email, "password": [password]})
    said += [(await call(strict, "POST", "/api/login", member, json=given)).text for given in refused]
    cookies = [str(one.cookie).partition("=")[2] for one in (guest, thief, member)]
    hidden = [PROVIDER_KEY, SECRET_KEY, password, wrong, *cookies, *(one.split(".")[1] for one in cookies)]
    for secret in hidden:
        assert all(secret not in text for text in said), secret
    for secret in (*hidden, ticket, token):
        assert secret not in strict.server.log, secret
        kept = [path for path in strict.server.data_dir.rglob("*") if path.is_file()]
        assert [path for path in kept if secret.encode() in path.read_bytes()] == [], secret


async def again(tab: Tab, email: str, password: str) -> str:
    await tab.emit(full("entering.log_in"), {"email": email, "password": password})
    await tab.until(lambda: bool(tab.var("door", "ticket") or tab.var("entering", "problem")))
    return tab.var("door", "ticket")


async def test_calls_of_a_login_are_limited(strict: House) -> None:
    """Others are served on, and so are those who ask whether the server lives."""
    somebody, other = browser(strict), browser(strict)
    answers = [await call(strict, "GET", "/api/nothing", somebody) for _ in range(LIMIT + 5)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:LIMIT] == [404] * LIMIT
    # The bucket fills by the second while this machine takes its time.
    assert statuses[-1] == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].headers["x-content-type-options"] == "nosniff"
    assert (await call(strict, "GET", "/api/nothing", other)).status_code == 404
    assert (await call(strict, "GET", "/api/health", somebody)).status_code == 200


@pytest.mark.parametrize("path", ["/api", "/api/health", "/api/enter.js", "/api/nothing", "/ping", "/"])
async def test_other_origins_by_list_only(strict: House, path: str) -> None:
    for origin in (
        "https://evil.example",
        "null",
        f"{FRIEND}.evil.example",
        "https://friend.example.org:8443",
    ):
        for method in ("GET", "OPTIONS"):
            headers = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
            answer = await asked(strict, method, path, origin, headers)
            assert "access-control-allow-origin" not in answer.headers, (method, origin)
    answer = await asked(strict, "GET", path, FRIEND, {})
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "origin" in answer.headers["vary"].lower()


async def asked(house: House, method: str, path: str, origin: str, more: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.server.port}", trust_env=False) as client:
        return await client.request(method, path, headers={"Origin": origin, **more}, timeout=20)


async def test_a_listed_origin_may_act_and_others_may_not(strict: House) -> None:
    somebody, given = browser(strict), {"email": "nobody@example.org", "password": "wrong password"}
    for who in (somebody, Person(cookie=None)):
        for origin, status in ((FRIEND, 401), ("https://evil.example", 403), ("null", 403)):
            answer = await call(strict, "POST", "/api/login", who, origin=origin, json=given)
            assert answer.status_code == status, origin
    # A program says no Origin; a browser with a cookie must.
    assert (await call(strict, "POST", "/api/logout", somebody, origin=None)).status_code == 403
    nobody = Person(cookie=None)
    assert (await call(strict, "POST", "/api/logout", nobody, origin=None)).status_code == 204
    async with Tab.opened(strict.url, cookie=somebody.cookie, origin=FRIEND) as tab:
        await tab.join()
        assert tab.state[STATE]
    with pytest.raises(Exception, match="403"):
        async with Tab.opened(strict.url, cookie=somebody.cookie, origin="https://evil.example"):
            pass
