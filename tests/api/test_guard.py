"""The outer gate: who may come in, how much, and that whoever is refused leaves nothing behind."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatapp.api import guard as guard_module
from chatapp.api.guard import Guard
from chatapp.api.packets import EventRules
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import AccountKind, Principal
from tests.api.asgi import Echo, Peer, socket_scope, until

POLICY = GuardPolicy(origins=frozenset(), local_origins=True)
RULES = EventRules(is_handler=lambda name: name == "known", storage_vars=frozenset)
CONNECT = "40/_event,"
EVENT = '42/_event,["event",{"name":"known","payload":{},"router_data":{}}]'


class Logins:
    """Cookie `good` is a login, `good2` another of the same account, `good3-b` one of account b."""

    def __init__(self) -> None:
        self.ended_ids: set[str] = set()
        self.asked: list[str] = []
        self.down = False

    def login_id(self, cookie: str) -> str | None:
        return cookie if cookie.startswith("good") else None

    async def resolve(self, cookie: str) -> Principal | None:
        self.asked.append(cookie)
        if not cookie.startswith("good"):
            return None
        later = datetime.now(UTC) + timedelta(days=1)
        account = cookie.partition("-")[2] or "a"
        return Principal(account_id=account, login_id=cookie, kind=AccountKind.GUEST, expires_at=later)

    async def ended(self, principals: Collection[Principal]) -> frozenset[str]:
        if self.down:
            raise ConnectionError
        return frozenset(p.login_id for p in principals if p.login_id in self.ended_ids)


class House:
    def __init__(self, policy: GuardPolicy) -> None:
        self.app, self.logins = Echo(), Logins()
        self.guard = Guard(
            self.app, policy=policy, logins=lambda: self.logins, bearers=lambda: self.logins, rules=RULES
        )
        self.tasks: list[asyncio.Task[None]] = []

    async def visit(self, **changes: Any) -> Peer:
        """A socket that was let in or refused."""
        peer = Peer()
        self.tasks.append(asyncio.create_task(self.guard(socket_scope(**changes), peer.receive, peer.send)))
        await until(lambda: bool(peer.sent))
        return peer

    @property
    def remembers(self) -> int:
        """All that the guard keeps about connections that are there."""
        kept = (self.guard._open, self.guard._addresses, self.guard._per_login, self.guard._per_account)
        return sum(map(len, kept))


@asynccontextmanager
async def house(policy: GuardPolicy = POLICY) -> AsyncGenerator[House]:
    made = House(policy)
    try:
        yield made
    finally:
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
        if made.guard._rounds is not None:
            made.guard._rounds.cancel()
            await asyncio.gather(made.guard._rounds, return_exceptions=True)


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "ROUND", timedelta(seconds=0.02))


async def test_our_own_page_is_let_in() -> None:
    async with house() as it:
        peer = await it.visit()
        peer.say(CONNECT)
        peer.say(EVENT)
        await until(lambda: len(peer.texts) == 2)
        assert peer.texts == [CONNECT, EVENT]
        peer.leave()
        await until(it.tasks[0].done)
        assert it.app.open == 0
        assert it.remembers == 0


async def test_reflex_sees_the_login_and_not_the_cookie() -> None:
    async with house() as it:
        await it.visit(headers={"authorization": "Bearer secret"})
        headers = dict(it.app.scopes[0]["headers"])
        assert headers[b"cookie"].startswith(b"login=good.a.guest.")
        assert b"authorization" not in headers


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"origin": None}},
        {"headers": {"origin": "https://evil.example"}},
        {"headers": {"origin": "null"}},
        {"headers": {"cookie": None}},
        {"headers": {"cookie": "chatapp_login=made-up"}},
        {"headers": {"cookie": "login=good"}},
        {"headers": {"cookie": "__Host-chatapp_login=good"}},
        {"query_string": b""},
        {"query_string": b"EIO=4&transport=websocket&token=../../etc/passwd"},
        {"path": "/"},
        {"path": "/_event"},
        {"path": "/_event/x"},
        {"path": "//_event/"},
        {"path": "/ws"},
    ],
)
async def test_others_are_refused_and_leave_nothing(changes: dict[str, Any]) -> None:
    async with house() as it:
        peer = await it.visit(**changes)
        await it.tasks[0]
        assert peer.types == ["websocket.close"]
        assert it.app.scopes == []
        assert it.remembers == 0


async def test_connections_of_an_address_are_limited() -> None:
    async with house(replace(POLICY, connections_per_address=2)) as it:
        inside = [await it.visit(headers={"cookie": f"chatapp_login=good{n}"}) for n in range(2)]
        refused = await it.visit(headers={"cookie": "chatapp_login=good9"})
        elsewhere = await it.visit(client=("192.0.2.2", 1))
        assert refused.types == ["websocket.close"]
        assert elsewhere.types == ["websocket.accept"]
        inside[0].leave()
        await until(it.tasks[0].done)
        assert (await it.visit()).types == ["websocket.accept"]


async def test_connections_of_an_account_are_limited() -> None:
    """Whatever number of browsers somebody is signed in with."""
    async with house(replace(POLICY, connections_per_account=2)) as it:
        seen = [
            (await it.visit(headers={"cookie": f"chatapp_login={cookie}"})).types[0]
            for cookie in ("good1", "good2", "good3", "good3-b")
        ]
        let_in, refused = "websocket.accept", "websocket.close"
        assert seen == [let_in, let_in, refused, let_in]


async def test_openings_of_an_address_are_limited() -> None:
    """Each opening makes a state that Reflex keeps for a while: they must not come without end."""
    async with house(replace(POLICY, connections_per_address=2)) as it:
        kinds: list[str] = []
        for _ in range(6):
            peer = await it.visit()
            kinds += peer.types
            peer.leave()
            await until(it.tasks[-1].done)
        assert kinds.count("websocket.accept") == 4


async def test_tabs_of_a_login_are_limited() -> None:
    async with house(replace(POLICY, connections_per_login=1)) as it:
        await it.visit()
        assert (await it.visit()).types == ["websocket.close"]
        assert (await it.visit(headers={"cookie": "chatapp_login=good2"})).types == ["websocket.accept"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.receive", "bytes": b"\x00"},
        {"type": "websocket.receive", "bytes": b"4", "text": None},
        {"type": "websocket.receive", "text": "4" + "x" * 1_000_000},
        {"type": "websocket.receive", "text": "451-/_event,[]"},
        {"type": "websocket.receive", "text": "rubbish"},
    ],
)
async def test_a_wrong_frame_ends_the_connection(message: dict[str, Any]) -> None:
    async with house() as it:
        peer = await it.visit()
        peer.incoming.put_nowait(message)
        await it.tasks[0]
        assert peer.close_code == 1008
        assert it.app.heard == []
        assert it.remembers == 0


async def test_a_flood_ends_the_connection() -> None:
    async with house() as it:
        peer = await it.visit()
        peer.say(CONNECT)
        for _ in range(1000):
            peer.say(EVENT)
        await it.tasks[0]
        assert peer.close_code == 1008
        assert len(it.app.heard) < 200


async def test_a_fast_typist_is_no_flood() -> None:
    """Keys are pressed 15 times a second at most; the bucket fills with 30 a second."""
    assert POLICY.frames_per_second >= 2 * 15
    async with house() as it:
        peer = await it.visit()
        peer.say(CONNECT)
        for _ in range(100):
            peer.say(EVENT)
        await until(lambda: len(peer.texts) == 101)


async def test_unknown_handlers_do_not_reach_the_app() -> None:
    async with house() as it:
        peer = await it.visit()
        peer.say(CONNECT)
        peer.say('42/_event,["event",{"name":"reflex___state____state.setvar"}]')
        peer.say(EVENT)
        await until(lambda: len(it.app.heard) == 2)
        assert it.app.heard == [CONNECT, EVENT]


async def test_half_a_character_does_not_end_the_connection() -> None:
    """It has no bytes; the server would send an empty frame, and the page would hang up."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "a\ud800é"})
        await receive()

    async with house() as it:
        it.guard._app = app
        peer = await it.visit()
        await until(lambda: bool(peer.texts))
        assert peer.texts == ["a?é"]


class Shouting:
    """An app that sends without end, until it is told that the client is gone."""

    def __init__(self, size: int) -> None:
        self.size, self.sent, self.may_start = size, 0, asyncio.Event()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await self.may_start.wait()
        gone = asyncio.ensure_future(receive())
        while not gone.done():
            await send({"type": "websocket.send", "text": "x" * self.size})
            self.sent += self.size
            await asyncio.sleep(0)


async def test_a_reader_that_never_reads_is_dropped_at_a_megabyte() -> None:
    async with house() as it:
        shouting = Shouting(10_000)
        it.guard._app = shouting
        peer = await it.visit()
        peer.reads.clear()
        shouting.may_start.set()
        await until(lambda: not it.guard._open)
        assert shouting.sent < 1_200_000
        assert it.remembers == 0


@pytest.mark.usefixtures("quick_rounds")
async def test_a_reader_that_is_late_is_dropped() -> None:
    async with house(replace(POLICY, max_backlog_age=timedelta(seconds=0.1))) as it:
        peer = await it.visit()
        peer.say(CONNECT)
        await until(lambda: len(peer.texts) == 1)
        peer.reads.clear()
        peer.say(EVENT)
        await until(lambda: not it.guard._open)


@pytest.mark.usefixtures("quick_rounds")
async def test_one_large_answer_to_a_slow_reader_is_no_backlog() -> None:
    async with house() as it:
        it.guard._app = shouting = Shouting(5_000_000)
        peer = await it.visit()
        shouting.may_start.set()
        await until(lambda: len(peer.texts) >= 2)
        assert it.guard._open


@pytest.mark.usefixtures("quick_rounds")
async def test_a_socket_that_never_says_a_word_is_dropped() -> None:
    async with house(replace(POLICY, connect_timeout=timedelta(seconds=0.1))) as it:
        peer = await it.visit()
        await it.tasks[0]
        assert peer.close_code == 1008


@pytest.mark.usefixtures("quick_rounds")
async def test_an_ended_login_is_cut_and_others_stay() -> None:
    async with house() as it:
        mine, other = await it.visit(), await it.visit(headers={"cookie": "chatapp_login=good2"})
        it.logins.ended_ids.add("good")
        await it.tasks[0]
        assert mine.close_code == 1008
        assert other.types == ["websocket.accept"]


@pytest.mark.usefixtures("quick_rounds")
async def test_a_database_that_is_away_ends_nobodys_login() -> None:
    async with house() as it:
        peer = await it.visit()
        it.logins.down = True
        await asyncio.sleep(0.1)
        it.logins.down = False
        assert peer.types == ["websocket.accept"]
        it.logins.ended_ids.add("good")
        await it.tasks[0]
