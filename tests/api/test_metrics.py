"""Who is told the numbers: whoever sits at this machine, and admins; for others there is no such address."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatapp.api.access_log import AccessLog
from chatapp.api.app import make_api
from chatapp.api.asking import Asking
from chatapp.api.guard import Guard
from chatapp.api.handshake import COOKIE
from chatapp.api.packets import EventRules
from chatapp.api.policy import GuardPolicy
from chatapp.domain.health import Report
from chatapp.services.accounts import Accounts
from chatapp.services.cookies import LoginCookies
from chatapp.services.passwords import Passwords
from chatapp.services.sign_in import SignIn, Visit
from chatapp.services.throttles import Throttles
from chatapp.storage.database import Database
from chatapp.storage.migrate import migrate
from chatapp.streams.memory_limits import MemoryLimits
from chatapp.telemetry.metrics import Metrics
from tests.telemetry.told import Told, told

HERE, AWAY = "127.0.0.1", "203.0.113.7"
RULES = EventRules(is_handler=lambda _: False, storage_vars=frozenset)


@dataclass(kw_only=True)
class Served:
    """The doors with the real accounts behind them."""

    accounts: Accounts
    sign_in: SignIn
    metrics: Metrics

    def client(self, peer: str, cookie: str = "", **policy: Any) -> httpx.AsyncClient:
        rules = GuardPolicy(**{"origins": frozenset(), "local_origins": True} | policy)
        api = make_api(behind=lambda: self, health=nothing_wrong, policy=rules, metrics=self.metrics)  # pyright: ignore
        limits = MemoryLimits()
        asking = Asking(
            api,  # pyright: ignore
            policy=rules,
            logins=lambda: self.accounts,
            bearers=lambda: self.accounts,
            limits=lambda: limits,
        )
        guard = Guard(
            asking, policy=rules, logins=lambda: self.accounts, bearers=lambda: self.accounts, rules=RULES
        )
        transport = httpx.ASGITransport(AccessLog(guard, metrics=self.metrics), client=(peer, 1))  # pyright: ignore
        headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
        return httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", headers=headers)

    async def status(self, peer: str, cookie: str = "", headers: Any = None, **policy: Any) -> int:
        async with self.client(peer, cookie, **policy) as client:
            return (await client.get("/metrics", headers=headers)).status_code

    async def member(self, name: str) -> str:
        admission = await self.sign_in.register(
            None, email=f"{name}@example.org", password="correct horse battery", visit=Visit(address=AWAY)
        )
        return admission.cookie


async def nothing_wrong() -> Report:
    return Report(checks={})


@pytest.fixture
async def served(tmp_path: Path) -> AsyncGenerator[Served]:
    database, passwords = Database(f"sqlite:///{tmp_path / 'chatapp.db'}"), Passwords()
    await migrate(database)
    cookies = LoginCookies(secret_key="s" * 40, ttl=timedelta(days=30), guests=True)
    accounts = Accounts(database=database, cookies=cookies)
    sign_in = SignIn(
        database=database, accounts=accounts, passwords=passwords, throttles=Throttles(MemoryLimits())
    )
    yield Served(accounts=accounts, sign_in=sign_in, metrics=Metrics())
    passwords.close()
    await database.close()


@pytest.mark.parametrize("peer", [HERE, "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("hops", [0, 1])
async def test_this_machine_is_told(served: Served, peer: str, hops: int) -> None:
    """Also behind a proxy: what comes without its word did not come through it."""
    assert await served.status(peer, trusted_proxy_hops=hops) == 200


@pytest.mark.parametrize("peer", [AWAY, "10.0.0.1", "2001:db8::1", "::ffff:203.0.113.7"])
async def test_nobody_else_is(served: Served, peer: str) -> None:
    assert await served.status(peer) == 404
    assert await served.status(peer, served.accounts.cookies.make()) == 404


@pytest.mark.parametrize("hops", [0, 1, 2])
@pytest.mark.parametrize(
    "word",
    [
        {"X-Forwarded-For": AWAY},
        {"X-Forwarded-For": HERE},
        {"X-Forwarded-For": f"{HERE}, {AWAY}"},
        {"Forwarded": f"for={AWAY}"},
        {"Via": "1.1 caddy"},
        {"X-Real-IP": HERE},
    ],
)
async def test_a_proxy_on_this_machine_opens_it_to_nobody(
    served: Served, hops: int, word: dict[str, str]
) -> None:
    """Whether it is trusted or not, and whatever visitors make it say."""
    assert await served.status(HERE, headers=word, trusted_proxy_hops=hops) == 404


@pytest.mark.parametrize("host", ["rebound.example.org", "localhost.example.org:8000", "", "[::1", "a@b@c"])
async def test_another_sites_name_for_this_machine_is_no_way_in(served: Served, host: str) -> None:
    assert await served.status(HERE, headers={"Host": host}) == 404


async def test_admins_are_told_wherever_they_are(served: Served) -> None:
    admin, other = await served.member("admin"), await served.member("other")
    assert await served.status(AWAY, admin) == 200
    assert await served.status(AWAY, admin, headers={"X-Forwarded-For": AWAY}, trusted_proxy_hops=1) == 200
    assert await served.status(AWAY, other) == 404
    resolved = await served.accounts.resolve(admin)
    assert resolved is not None
    await served.sign_in.log_out(resolved)
    assert await served.status(AWAY, admin) == 404


async def test_it_can_be_switched_off(served: Served) -> None:
    admin = await served.member("admin")
    assert await served.status(HERE, metrics=False) == 404
    assert await served.status(AWAY, admin, metrics=False) == 404


async def test_rubbish_makes_no_labels(served: Served) -> None:
    """Paths, methods and queries that are made up, and refused requests, stay within a handful of series."""
    async with served.client(AWAY, requests_per_period=10_000) as client:
        for number in range(200):
            await client.get(f"/api/{number}/x{number}?q={number}")
            await client.get(f"/{number}")
            await client.request(f"MADEUP{number}", f"/api/{number}")
            await client.post(f"/v1/{number}", content=b"x")
            await client.get(f"/_upload/{number}")
        await client.get("/api")
    async with served.client(HERE) as client:
        found = told((await client.get("/metrics")).content)
    requests = found["chatapp_requests_total"]
    assert sum(requests.values()) == 1001
    assert requests["GET", "/api", "2xx"] == 1
    assert requests["GET", "/api/{rest:path}", "4xx"] == 200
    assert {route for _, route, _ in requests} <= {
        "/api",
        "/api/{rest:path}",
        "/v1/{rest:path}",
        "/metrics",
        "other",
    }
    assert len(requests) < 10
    assert _series(found) < 300


def _series(found: Told) -> int:
    return sum(len(samples) for samples in found.values())
