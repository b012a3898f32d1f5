"""The API as it is served, guard and all, with the real services behind it; no network."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from chatapp.api.asking import Asking
from chatapp.api.guard import Guard
from chatapp.api.packets import EventRules
from chatapp.api.policy import GuardPolicy
from chatapp.services.accounts import Accounts
from chatapp.services.api_keys import ApiKeys
from chatapp.services.bearers import Bearers
from chatapp.services.cookies import LoginCookies
from chatapp.services.own_data import OwnData
from chatapp.services.passwords import Passwords
from chatapp.services.sign_in import Admission, SignIn, Visit
from chatapp.services.throttles import Throttles
from chatapp.services.tokens import Tokens
from chatapp.storage.database import Database
from chatapp.streams.memory_limits import MemoryLimits
from tests.api.made import api_before
from tests.databases import make_schema, url_of

LOCAL = GuardPolicy(origins=frozenset(), local_origins=True)
PUBLIC = GuardPolicy(origins=frozenset({"https://chat.example.org"}), https=True)
RULES = EventRules(is_handler=lambda _: False, storage_vars=frozenset)
HERE = Visit(address="192.0.2.1")
EMAIL, PASSWORD = "ann@example.org", "correct horse battery"


@dataclass(kw_only=True)
class Desk:
    database: Database
    accounts: Accounts
    sign_in: SignIn
    tokens: Tokens
    api_keys: ApiKeys
    bearers: Bearers
    own_data: OwnData

    async def newcomer(self) -> str:
        return self.accounts.cookies.make()

    async def member(self) -> Admission:
        return await self.sign_in.register(None, email=EMAIL, password=PASSWORD, visit=HERE)

    async def at_page(self, cookie: str) -> Admission:
        """A member who comes in on the page of whoever has this cookie."""
        asker = await self.accounts.resolve(cookie)
        assert asker is not None
        visit = replace(HERE, page_of=asker.login_id)
        return await self.sign_in.register(None, email=EMAIL, password=PASSWORD, visit=visit)

    def browser(self, cookie: str = "", *, policy: GuardPolicy = LOCAL) -> httpx.AsyncClient:
        """One that is at our own page, with this cookie."""
        headers = {"Origin": "https://chat.example.org" if policy.https else "http://localhost:3000"}
        if cookie:
            headers["Cookie"] = f"{'__Host-' if policy.https else ''}chatapp_login={cookie}"
        return self._client(headers, policy)

    def program(self, bearer: str = "", *, policy: GuardPolicy = LOCAL) -> httpx.AsyncClient:
        """One that brings a token or a key, and no more."""
        return self._client({"Authorization": f"Bearer {bearer}"} if bearer else {}, policy)

    async def key(self) -> str:
        """An API key of a new member."""
        asker = await self.accounts.resolve((await self.member()).cookie)
        assert asker is not None
        return (await self.api_keys.create(asker, "a script"))[1]

    def _client(self, headers: dict[str, str], policy: GuardPolicy) -> httpx.AsyncClient:
        limits = MemoryLimits()
        asking = Asking(
            api_before(self, policy),
            policy=policy,
            logins=lambda: self.accounts,
            bearers=lambda: self.bearers,
            limits=lambda: limits,
        )
        guard = Guard(
            asking,
            policy=policy,
            logins=lambda: self.accounts,
            bearers=lambda: self.bearers,
            rules=RULES,
        )
        transport = httpx.ASGITransport(guard, client=("192.0.2.1", 1), raise_app_exceptions=False)  # pyright: ignore
        return httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", headers=headers)


@pytest.fixture(params=["guests", "members only"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Desk]:
    url = url_of(tmp_path / "chatapp.db")
    make_schema(url)
    database, passwords = Database(url), Passwords()
    guests = request.param == "guests"
    cookies = LoginCookies(secret_key="s" * 40, ttl=timedelta(days=30), guests=guests)
    accounts = Accounts(database=database, cookies=cookies)
    tokens = Tokens(
        database=database,
        accounts=accounts,
        secret_key="s" * 40,
        ttl=timedelta(hours=1),
        guests=guests,
    )
    keys = ApiKeys(database=database, accounts=accounts)
    sign_in = SignIn(
        database=database, accounts=accounts, passwords=passwords, throttles=Throttles(MemoryLimits())
    )
    yield Desk(
        database=database,
        accounts=accounts,
        tokens=tokens,
        api_keys=keys,
        bearers=Bearers(tokens=tokens, api_keys=keys),
        sign_in=sign_in,
        # What is exported needs nobody who makes replies.
        own_data=OwnData(database=database, accounts=accounts, sign_in=sign_in, erasing=None),  # pyright: ignore
    )
    passwords.close()
    await database.close()
