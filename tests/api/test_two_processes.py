"""What one process ends is over in another within 5 s; they share nothing but the database."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from chatapp.api.handshake import COOKIE
from chatapp.bootstrap import Services, open_services
from chatapp.domain.accounts import Principal, Role
from chatapp.services.sign_in import Admission, Visit
from chatapp.settings import load
from tests.api.process import ApiServer, api_servers
from tests.upstream import Upstream

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

HERE = Visit(address="192.0.2.1", agent="tests")
PASSWORD = "correct horse battery"
#: A minute of it.
LONG = "[n:2000 r:30] all of it"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[ApiServer]:
    """The other process, which makes the replies."""
    async with Upstream() as upstream:
        with api_servers(tmp_path_factory.mktemp("api")) as start:
            yield await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(server: ApiServer) -> AsyncGenerator[Services]:
    """This process."""
    settings = load({"CHATAPP_DATA_DIR": str(server.data_dir), "LOCAL_MODEL": "off"})
    async with open_services(settings) as opened:
        await opened.sign_in.register(None, email="admin@example.org", password=PASSWORD, visit=HERE)
        yield opened


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody, as both processes know them."""

    services: Services
    server: ApiServer
    admission: Admission
    who: Principal

    @property
    def account_id(self) -> str:
        return self.who.account_id

    @property
    def email(self) -> str:
        return self.admission.account.email

    def browser(self) -> httpx.AsyncClient:
        """At the other process."""
        cookie = f"{COOKIE}={self.admission.cookie}"
        headers = {"Cookie": cookie, "Origin": self.server.url}
        return httpx.AsyncClient(base_url=self.server.url, headers=headers, timeout=60, trust_env=False)

    async def again(self, **visit: str) -> Admission:
        """In another browser, at this process."""
        there = replace(HERE, **visit)
        return await self.services.sign_in.log_in(email=self.email, password=PASSWORD, visit=there)


async def member(services: Services, server: ApiServer) -> Member:
    email = f"{uuid4().hex}@example.org"
    admission = await services.sign_in.register(None, email=email, password=PASSWORD, visit=HERE)
    who = await services.accounts.resolve(admission.cookie)
    assert who is not None
    return Member(services=services, server=server, admission=admission, who=who)


async def admin(services: Services) -> Principal:
    admission = await services.sign_in.log_in(email="admin@example.org", password=PASSWORD, visit=HERE)
    who = await services.accounts.resolve(admission.cookie)
    assert who is not None
    return who


Taking = Callable[[Member], Awaitable[object]]


async def log_out(one: Member) -> None:
    await one.services.sign_in.log_out(one.who)


async def end_from_the_list(one: Member) -> None:
    other = await one.services.accounts.resolve((await one.again()).cookie)
    assert other is not None
    await one.services.sign_in.end_login(other, one.who.login_id)


async def change_the_password(one: Member) -> None:
    other = await one.services.accounts.resolve((await one.again()).cookie)
    assert other is not None
    await one.services.sign_in.change_password(other, old=PASSWORD, new=f"new {uuid4()}", visit=HERE)


async def reset_the_password(one: Member) -> None:
    await one.services.admin.reset_password(await admin(one.services), one.account_id)


async def disable(one: Member) -> None:
    await one.services.admin.set_disabled(await admin(one.services), one.account_id, True)


async def delete_the_account(one: Member) -> None:
    await one.services.own_data.delete_account(one.who, password=PASSWORD, visit=HERE)


#: With what becomes of the reply that is being made at the other process.
TAKINGS: dict[str, tuple[Taking, bool]] = {
    "logged out": (log_out, True),
    "ended from the list": (end_from_the_list, True),
    "another password": (change_the_password, True),
    "reset by an admin": (reset_the_password, True),
    "disabled": (disable, False),
    "deleted": (delete_the_account, False),
}


async def streams(one: Member, begun: asyncio.Event) -> float:
    """When a stream ended that would have gone on for a minute."""
    seen = ""
    async with (
        one.browser() as browser,
        browser.stream("POST", "/api/chat/stream", json={"message": LONG}) as answer,
    ):
        assert answer.status_code == 200
        async for part in answer.aiter_text():
            seen += part
            if "chunk" in seen:
                begun.set()
    return asyncio.get_running_loop().time()


async def talks(one: Member, begun: asyncio.Event) -> float:
    """The same of a socket, which is told that it may not."""
    url = f"ws://localhost:{one.server.port}/ws/chat/{uuid4().hex}"
    headers = {"Cookie": f"{COOKIE}={one.admission.cookie}"}
    async with connect(url, origin=Origin(one.server.url), additional_headers=headers, proxy=None) as socket:
        await socket.send(json.dumps({"message": LONG}))
        with suppress(ConnectionClosed):
            async for said in socket:
                if "chunk" in str(said):
                    begun.set()
        assert socket.close_code == 1008
        return asyncio.get_running_loop().time()


@pytest.mark.parametrize("name", list(TAKINGS))
async def test_what_is_open_at_the_other_process_ends(
    services: Services, server: ApiServer, name: str
) -> None:
    """A stream and a socket in mid-reply, and whoever comes back is nobody. The replies of an account that is
    locked out or deleted stop as well; those of a login that has ended are finished."""
    take, goes_on = TAKINGS[name]
    one = await member(services, server)
    streaming, talking = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(streams(one, streaming)), asyncio.create_task(talks(one, talking))]
    async with asyncio.timeout(60):
        await streaming.wait()
        await talking.wait()
    boss = await admin(services)
    await take(one)
    taken = asyncio.get_running_loop().time()
    ended = await asyncio.gather(*tasks)
    assert max(ended) - taken < 5
    async with one.browser() as browser:
        assert (await browser.get("/api/sessions")).status_code == 401
    assert (one.account_id in await busy(services, boss)) == goes_on
    for run in await services.admin.runs(boss):
        await services.admin.stop_run(boss, run.id)


async def busy(services: Services, boss: Principal) -> set[str]:
    """Whose replies are being made."""
    return {run.account.id for run in await services.admin.runs(boss)}


async def test_a_role_that_is_taken_opens_nothing_at_the_other_process(
    services: Services, server: ApiServer
) -> None:
    one, boss = await member(services, server), await admin(services)
    loop = asyncio.get_running_loop()

    async def numbers() -> int:
        # As from another machine: on this one they are open to all.
        headers = {"X-Forwarded-For": "203.0.113.7"}
        async with one.browser() as browser:
            return (await browser.get("/metrics", headers=headers)).status_code

    assert await numbers() == 404
    await services.admin.set_role(boss, one.account_id, Role.ADMIN)
    began = loop.time()
    while await numbers() != 200:
        assert loop.time() - began < 5
    await services.admin.set_role(boss, one.account_id, Role.USER)
    began = loop.time()
    while await numbers() != 404:
        assert loop.time() - began < 5


async def test_a_key_that_is_revoked_opens_nothing_at_the_other_process(
    services: Services, server: ApiServer
) -> None:
    one = await member(services, server)
    key, secret = await services.api_keys.create(one.who, "a script")
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as program:
        assert (await program.get("/api/sessions")).status_code == 200
        await services.api_keys.revoke(one.who, key.id)
        assert (await program.get("/api/sessions")).status_code == 401


async def test_a_log_in_that_began_here_is_finished_there(services: Services, server: ApiServer) -> None:
    """Once, by the browser that began it."""
    one = await member(services, server)
    visitor, thief = services.accounts.cookies.make(), services.accounts.cookies.make()
    asker = await services.accounts.resolve(visitor)
    assert asker is not None
    ticket = (await one.again(page_of=asker.login_id)).ticket
    answers: list[int] = []
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        for cookie in (thief, visitor, visitor):
            headers = {"Cookie": f"{COOKIE}={cookie}"}
            answer = await client.get("/api/admit", params={"ticket": ticket}, headers=headers)
            answers.append(answer.status_code)
            if answer.status_code == 303:
                member_cookie = answer.headers["set-cookie"].partition(";")[0]
                mine = await client.get("/api/sessions", headers={"Cookie": member_cookie})
                assert mine.status_code == 200
    assert answers == [401, 303, 401]
