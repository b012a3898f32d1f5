"""Everybody who may come to a running server's doors: each kind of somebody, and of nobody."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from chatapp.api.handshake import COOKIE
from chatapp.services.accounts import Accounts
from chatapp.services.cookies import LoginCookies
from chatapp.services.passwords import Passwords
from chatapp.services.sign_in import SignIn, Visit
from chatapp.services.throttles import Throttles
from chatapp.storage.database import Database
from chatapp.streams.memory_limits import MemoryLimits
from tests.doors.house import House
from tests.doors.operations import SOCKET
from tests.wire import guest_cookie

LONG_AGO = "2026-01-01 00:00:00.000000"
HERE = Visit(address="192.0.2.1", agent="tests")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody, as their browser knows them."""

    cookie: str | None
    email: str = ""
    password: str = field(default="", repr=False)
    account_id: str = ""
    login_id: str = ""


def cookies_of(house: House) -> LoginCookies:
    """What the server's own key signs."""
    key = (house.server.data_dir / "secret_key").read_text().strip()
    guests = house.server.env.get("AUTH_MODE", "guest") == "guest"
    return LoginCookies(secret_key=key, ttl=timedelta(days=30), guests=guests)


def person(house: House, cookie: str, **more: str) -> Person:
    """Who has this cookie."""
    claim = cookies_of(house).read(cookie)
    assert claim is not None
    known = {"login_id": claim.login_id, "account_id": claim.own_account_id} | more
    return Person(cookie=f"{COOKIE}={cookie}", **known)


def newcomer(house: House) -> Person:
    """Whoever comes for the first time: a guest, or a visitor."""
    return person(house, guest_cookie(house.url).partition("=")[2])


@asynccontextmanager
async def sign_in(house: House) -> AsyncGenerator[SignIn]:
    """The server's own database, from another process with the server's key."""
    database = Database(f"sqlite:///{house.server.data_dir / 'chatapp.db'}")
    passwords = Passwords()
    try:
        accounts = Accounts(database=database, cookies=cookies_of(house))
        yield SignIn(
            database=database, accounts=accounts, passwords=passwords, throttles=Throttles(MemoryLimits())
        )
    finally:
        passwords.close()
        await database.close()


async def member(house: House) -> Person:
    """A new account, logged in. The first of a server is its admin."""
    email, password = f"{uuid4().hex}@example.org", f"secret {uuid4()}"
    async with sign_in(house) as desk:
        admission = await desk.register(None, email=email, password=password, visit=HERE)
    return person(house, admission.cookie, account_id=admission.account.id, email=email, password=password)


async def again(house: House, somebody: Person) -> Person:
    """The same person in another browser."""
    async with sign_in(house) as desk:
        admission = await desk.log_in(email=somebody.email, password=somebody.password, visit=HERE)
    return person(
        house,
        admission.cookie,
        account_id=somebody.account_id,
        email=somebody.email,
        password=somebody.password,
    )


async def disabled(house: House) -> Person:
    somebody = await member(house)
    house.change("UPDATE accounts SET disabled_at = ? WHERE id = ?", LONG_AGO, somebody.account_id)
    return somebody


async def expired(house: House) -> Person:
    somebody = await member(house)
    house.change("UPDATE logins SET expires_at = ? WHERE id = ?", LONG_AGO, somebody.login_id)
    return somebody


async def logged_out(house: House) -> Person:
    somebody = await member(house)
    assert (await call(house, "POST", "/api/logout", somebody)).status_code == 204
    return somebody


async def everybody(house: House) -> dict[str, Person]:
    """By kind. The first member of the server is its admin, whoever else came before."""
    async with sign_in(house) as desk:
        assert await desk.sign_up_open()
    admin = await admin_of(house)
    return {
        "none": Person(cookie=None),
        "newcomer": newcomer(house),
        "member": await member(house),
        "admin": admin,
        "disabled": await disabled(house),
        "expired": await expired(house),
        "logged out": await logged_out(house),
    }


async def admin_of(house: House) -> Person:
    """An admin, also of a server that has one already."""
    somebody = await member(house)
    house.change("UPDATE accounts SET role = 'admin' WHERE id = ?", somebody.account_id)
    return somebody


async def call(
    house: House, method: str, path: str, somebody: Person, *, origin: str | None = "", **more: object
) -> httpx.Response:
    """One request with the person's cookie; from the server's own page, unless it says otherwise."""
    headers = {"Cookie": somebody.cookie} if somebody.cookie else {}
    if origin is not None:
        headers["Origin"] = origin or house.url
    # A name of the loopback that every machine resolves in the same way.
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.server.port}", trust_env=False) as client:
        headers["Host"] = f"localhost:{house.server.port}"
        return await client.request(method, path, headers=headers, timeout=20, **more)  # pyright: ignore


async def answer_of(house: House, method: str, path: str, somebody: Person) -> int:
    """The status of the answer; of a WebSocket 101, or the code that it is closed with at once."""
    if method != SOCKET:
        return (await call(house, method, path, somebody)).status_code
    headers = {"Cookie": somebody.cookie} if somebody.cookie else {}
    url = f"ws://localhost:{house.server.port}{path}"
    async with connect(url, origin=Origin(house.url), additional_headers=headers, proxy=None) as socket:
        try:
            # Whoever is let in is not told so: what cannot be read is answered.
            await socket.send("?")
            await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
    return 101
