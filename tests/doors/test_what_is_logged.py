"""The running app tells what was asked of it, in its log and its numbers, and nothing that anybody said."""

import asyncio
import json
import re
import resource
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from time import monotonic
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

from tests.app_build import Build
from tests.app_server import AppServer, app_build, servers  # noqa: F401
from tests.databases import locked, url_of
from tests.doors.house import CHAT, House
from tests.doors.people import Person, again, member, person
from tests.telemetry.told import Told, told
from tests.waiting import eventually, until
from tests.wire import Tab, guest_cookie

pytestmark = pytest.mark.timeout(180)

ACCESS = "chatapp.api.access_log"
FIELD = re.compile(r"(\w+)=(\S+)")
HEALTH_S = 5.0

Start = Callable[..., House]


@pytest.fixture
def start(app_build: Build, upstream_url: str, tmp_path: Path) -> Generator[Start]:  # noqa: F811
    """Starts the app itself, with a server of models behind it."""
    with servers(app_build, tmp_path) as starting:
        yield lambda **env: House(starting(OPENAI_BASE_URL=upstream_url, OPENAI_API_KEY="none", **env))


def lines(server: AppServer) -> list[dict[str, Any]]:
    """The lines of requests, by their fields, whatever the form of the log."""
    found = list[dict[str, Any]]()
    for line in server.log.splitlines():
        if line.startswith("{"):
            fields = json.loads(line)
            if fields["logger"] == ACCESS and fields["message"] == "request":
                found.append({name: str(value) for name, value in fields.items()})
        elif f"INFO {ACCESS}: request " in line:
            found.append(dict(FIELD.findall(line)))
    return found


class Caller:
    """Asks, and remembers under which names."""

    def __init__(self, house: House, **headers: str) -> None:
        self.house, self.headers = house, headers
        self.names: list[str] = []

    async def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        address = f"http://127.0.0.1:{self.house.server.port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
            headers = {"Host": f"localhost:{self.house.server.port}", **self.headers}
            answer = await client.request(method, path, headers=headers, **more)
        self.names.append(answer.headers["x-request-id"])
        return answer


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_each_request_has_one_line_and_no_line_has_a_secret(start: Start, log_format: str) -> None:
    house = start(LOG_FORMAT=log_format)
    said, searched, password = f"walrus {uuid4()}", f"seal{uuid4().hex}", f"password {uuid4()}"
    nobody = Caller(house)
    issued = (await nobody("POST", "/api/token", json={"name": f"Ann {said}"})).json()
    program = Caller(house, Authorization=f"Bearer {issued['token']}")
    cookie = guest_cookie(house.url)
    page = Caller(house, Cookie=cookie, Origin=house.url)
    runs = await ask(program, said, searched)
    await ask(page, said, searched)
    admin = await log_in(nobody, password)
    await Caller(house, Authorization=f"Bearer {searched}")("GET", "/api/sessions")
    await on_the_page(house, cookie, said)
    asked = [name for caller in (nobody, program, page) for name in caller.names]
    probes = await probed(Caller(house))
    await until(lambda: {line["request_id"] for line in lines(house.server)} >= set(asked))
    await until(lambda: [one for one in lines(house.server) if one["route"] == "/_event"])

    found = {line["request_id"]: line for line in lines(house.server)}
    counted = Counter(line["request_id"] for line in lines(house.server))
    assert {name: counted[name] for name in asked} == dict.fromkeys(asked, 1)
    assert not set(probes) & set(found)
    assert_told([found[name] for name in program.names], owner_of(house, runs[0]), runs)
    [socket] = [line for line in found.values() if line["route"] == "/_event"]
    assert (socket["method"], socket["account_id"]) == ("WEBSOCKET", person(house, value(cookie)).account_id)
    for secret in (said, searched, password, admin.password, admin.email, issued["token"], value(cookie)):
        assert secret not in house.server.log, [one for one in house.server.log.splitlines() if secret in one]


async def ask(caller: Caller, said: str, searched: str) -> list[str]:
    """All that a log might keep of what is said; returns the runs."""
    runs = list[str]()
    for knobs in ("[n:5]", "[n:5 fault:400]", "[n:5 fault:clean]"):
        answer = await caller("POST", f"/api/chat?q={searched}", json={"message": f"{said} {knobs}"})
        runs.append(answer.json()["run_id"])
    await caller("GET", f"/api/search?q={searched}")
    await caller("POST", "/api/chat", content=f'{{"message": "{said}", broken')
    await caller("POST", "/api/chat", json={"message": said, "made_up": said})
    await caller("GET", f"/api/sessions/{searched}")
    await caller("GET", f"/api/nothing/{searched}")
    await caller("GET", f"/c/{searched}")
    return runs


async def log_in(nobody: Caller, wrong: str) -> Person:
    """Somebody who errs at first."""
    admin = await member(nobody.house)
    for password, status in ((wrong, 401), (admin.password, 200)):
        given = {"email": admin.email, "password": password}
        assert (await nobody("POST", "/api/login", json=given)).status_code == status
    return admin


async def probed(nobody: Caller) -> list[str]:
    for probe in ("/api/live", "/api/ready", "/api/health"):
        assert (await nobody("GET", probe)).status_code == 200
    return nobody.names


def assert_told(named: list[dict[str, Any]], account_id: str, runs: list[str]) -> None:
    """Who asked, for what, about which run. A page itself is for everybody, and asks nobody who they are."""
    calls = [line for line in named if line["route"] != "page"]
    assert len(calls) == len(named) - 1
    assert {line["account_id"] for line in calls} == {account_id}
    assert [line["run_id"] for line in calls if "run_id" in line] == runs
    routes = {line["route"] for line in calls}
    assert routes >= {"/api/chat", "/api/search", "/api/sessions/{session_id}", "/api/{rest:path}"}


async def on_the_page(house: House, cookie: str, said: str) -> None:
    """A message, a handler that gets what it does not take, and one that is not there."""
    async with Tab.opened(house.url, cookie=cookie) as tab:
        await tab.join()
        payload = {"key": uuid4().hex, "conversation_id": uuid4().hex, "text": f"{said} [n:5]", "model": ""}
        await tab.emit(f"{CHAT}.send", payload)
        await tab.until(lambda: bool(tab.var("chat", "acked")))
        await tab.emit(f"{CHAT}.send", {"text": said})
        await tab.emit(f"{CHAT}.made_up", {"text": said})


def value(cookie: str) -> str:
    return cookie.partition("=")[2]


def owner_of(house: House, run_id: str) -> str:
    return str(house.ask("SELECT owner_id FROM runs WHERE id = ?", run_id)[0][0])


async def test_the_numbers_are_those_of_the_conversation(start: Start) -> None:
    house = start()
    nobody = Caller(house)
    issued = (await nobody("POST", "/api/token", json={"name": "Ann"})).json()
    program = Caller(house, Authorization=f"Bearer {issued['token']}")
    for knobs in ("[n:30 r:100 t:100]", "[n:10]", "[n:5 fault:400]"):
        await program("POST", "/api/chat", json={"message": knobs})
    await program("GET", "/api/sessions/nothing")
    assert (await program("GET", "/metrics")).status_code == 200
    found = numbers(house)
    requests = found["chatapp_requests_total"]
    assert requests["POST", "/api/token", "2xx"] == 1
    assert requests["POST", "/api/chat", "2xx"] == 2
    assert requests["POST", "/api/chat", "4xx"] == 1
    assert requests["GET", "/api/sessions/{session_id}", "4xx"] == 1
    assert found["chatapp_request_seconds_count"]["/api/chat",] == 3
    assert found["chatapp_request_seconds_sum"]["/api/chat",] >= 0.3
    assert found["chatapp_runs_total"] == {("none", "complete"): 2, ("context_too_long", "failed"): 1}
    assert found["chatapp_provider_errors_total"] == {("context_too_long", "openai"): 1}
    assert found["chatapp_tokens_total"]["output", "openai"] == 40
    assert found["chatapp_first_token_seconds_count"] == {("openai",): 2}
    assert found["chatapp_queue_length"] == found["chatapp_runs_active"] == {(): 0}
    for always in (
        "event_loop_lag_seconds_count",
        "log_flush_seconds_count",
        "database_write_wait_seconds_count",
    ):
        assert found[f"chatapp_{always}"][()] > 0
    assert found["process_cpu_seconds_total"][()] > 0
    cookie = guest_cookie(house.url)
    async with Tab.opened(house.url, cookie=cookie) as tab:
        await tab.join()
        assert numbers(house)["chatapp_sockets_open"] == {(): 1}
    await until(lambda: numbers(house)["chatapp_sockets_open"] == {(): 0})


def numbers(house: House) -> Told:
    answer = house.server.get("/metrics")
    assert answer.status == 200, answer
    return told(answer.body)


async def test_the_numbers_can_be_switched_off(start: Start) -> None:
    house = start(ENABLE_METRICS="false")
    assert house.server.get("/metrics").status == 404
    somebody = await again(house, await member(house))
    house.change("UPDATE accounts SET role = 'admin'")
    assert house.server.get("/metrics", Cookie=str(somebody.cookie)).status == 404


async def health(house: House) -> dict[str, Any]:
    """What it says, within the time that probes are promised."""
    began = monotonic()
    answer = await asyncio.to_thread(house.server.get, "/api/health", timeout=30)
    assert monotonic() - began < HEALTH_S
    body = cast("dict[str, Any]", answer.json())
    assert (answer.status, body["status"]) in {(200, "healthy"), (503, "unhealthy")}
    assert house.server.get("/api/live").status == 200
    return body


@pytest.mark.needs("linux")
async def test_health_shows_a_locked_file_and_a_full_disk(start: Start) -> None:
    house = start()
    assert (await health(house))["checks"]["database"] is True
    with locked(url_of(house.server.data_dir / "chatapp.db")):
        await says(house, "a write waits for too long")
    await says(house, True)
    # No file of the server's may grow, or be written behind its first page: the same as a full disk.
    with full_disk(house.server):
        await says(house, "the disk is full")
    await says(house, True)


async def says(house: House, database: bool | str) -> None:
    async def is_so() -> bool:
        return bool((await health(house))["checks"]["database"] == database)

    await eventually(is_so, seconds=30)


class full_disk:  # noqa: N801  (reads as a phrase where it is used)
    """No room for the server's processes, while the block runs."""

    def __init__(self, server: AppServer) -> None:
        self._before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in server.pids()}

    def __enter__(self) -> None:
        for pid, (_, hard) in self._before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))

    def __exit__(self, *_: object) -> None:
        for pid, limits in self._before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
