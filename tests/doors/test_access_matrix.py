"""Everybody times everything: each kind of asker at each route and each handler of the running app."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from chatapp.ui.gate import Who, fits, policy
from tests.app_build import Build
from tests.app_server import app_build, servers  # noqa: F401
from tests.doors.conftest import APP
from tests.doors.house import CHAT, House
from tests.doors.operations import CALLS, FILLED, NOTHING, ROUTES, SAME, Owned, full, handlers, routes
from tests.doors.people import Person, answer_of, everybody, member, newcomer
from tests.wire import Tab

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module", params=["guest", "password"])
def open_house(
    request: pytest.FixtureRequest,
    house: House,
    app_build: Build,  # noqa: F811
    upstream_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[House]:
    """A server in each mode: in one whoever comes is a guest, in the other nobody yet."""
    if request.param == "guest":
        yield house
        return
    with servers(app_build, tmp_path_factory.mktemp("matrix")) as start:
        upstream = {"OPENAI_BASE_URL": upstream_url, "OPENAI_API_KEY": "none"}
        yield House(start(APP, AUTH_MODE="password", THROTTLE_LIMIT="100000", **upstream))


def test_every_route_has_a_line() -> None:
    """A new one: say in tests/doors/operations.py what it answers to whom."""
    assert routes() == set(ROUTES)


def test_every_handler_has_a_line() -> None:
    """A new one: say in tests/doors/operations.py who may call it, and with what."""
    assert handlers() == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_line_says_what_the_handler_says(name: str) -> None:
    """And its arguments would be taken, so that a refusal is about who asks."""
    assert policy(full(name)) is CALLS[name].who
    if CALLS[name].who is not Who.SERVER:
        assert fits(full(name), CALLS[name].payload(NOTHING))


async def test_routes(open_house: House) -> None:
    people = await everybody(open_house)
    wrong: list[str] = []
    mode = open_house.server.env.get("AUTH_MODE", "guest")
    # Logging out comes last: it ends what the others ask with.
    for route in sorted(ROUTES, key=lambda one: "logout" in one):
        method, path = route.split(" ")
        for kind, somebody in people.items():
            known = ROUTES[route]
            everybodys = known.get(f"{SAME}, {mode}", known[SAME])
            expected = known.get(f"{kind}, {mode}", known.get(kind, everybodys))
            answered = await answer_of(open_house, method, FILLED.get(route, path), somebody)
            if answered != expected:
                wrong.append(f"{route} for {kind}: {answered}, not {expected}")
    assert wrong == []


async def test_nobody_else_can(open_house: House) -> None:
    """Every handler, with the owner's things, by everybody but the owner."""
    owner = await somebody_who_may_write(open_house)
    own = await things_of(open_house, owner)
    before = open_house.content()
    for kind, stranger in (await everybody(open_house)).items():
        async with let_in(open_house, stranger) as tab:
            assert (tab is None) is (stranger.cookie is None), kind
            if tab is not None:
                await attack(tab, own)
                assert own.secret not in json.dumps(tab.state), kind
        after = open_house.content()
        for table, rows in before.items():
            assert [row for row in rows if row not in after[table]] == [], f"{kind} changed {table}"
    await stop(open_house, owner, own)


async def test_the_owner_can(open_house: House) -> None:
    """What the matrix refuses to others is possible: each handler that writes is seen to write."""
    owner = await somebody_who_may_write(open_house)
    own = await things_of(open_house, owner)
    async with Tab.opened(open_house.url, cookie=owner.cookie) as tab:
        await tab.join(path=f"/c/{own.conversation_id}")
        # First what is about the reply that is being made, and those that wait for it.
        busy = {own.streaming, *own.waiting}
        names = [name for name in CALLS if CALLS[name].stored]
        for name in sorted(names, key=lambda one: CALLS[one].payload(own).get("message_id") not in busy):
            one = CALLS[name]
            if one.payload(own).get("message_id") not in busy:
                await finished(open_house, owner)
            before = open_house.content()
            await tab.emit(full(name), one.payload(own))
            await changed(open_house, before, name)


async def somebody_who_may_write(house: House) -> Person:
    """A guest where guests are, else a member."""
    guests = house.server.env.get("AUTH_MODE", "guest") == "guest"
    return newcomer(house) if guests else await member(house)


@asynccontextmanager
async def let_in(house: House, somebody: Person) -> AsyncGenerator[Tab | None]:
    """Their socket; None when the door stays shut."""
    opening = Tab.opened(house.url, cookie=somebody.cookie)
    try:
        tab = await opening.__aenter__()
    except InvalidStatus:
        yield None
        return
    try:
        yield tab
    finally:
        await opening.__aexit__(None, None, None)


async def attack(tab: Tab, own: Owned) -> None:
    """Every handler, also those that are for nobody, where the owner reads."""
    path = f"/c/{own.conversation_id}"
    await tab.join(path=path)
    for name, one in CALLS.items():
        if not one.ends:
            await tab.emit(full(name), one.payload(own), path=path)
    await tab.quiet_for(1.5)
    assert await tab.answers()
    for name in (name for name, one in CALLS.items() if one.ends):
        await tab.emit(full(name), CALLS[name].payload(own), path=path)


async def things_of(house: House, owner: Person) -> Owned:
    """A conversation with two versions, and one in which a reply is made and two messages wait."""
    secret, quiet, busy = f"secret {uuid4()}", uuid4().hex, uuid4().hex
    async with Tab.opened(house.url, cookie=owner.cookie) as tab:
        await tab.join()
        await say(tab, quiet, f"{secret} [n:5 r:1000]")
        await finished(house, owner)
        question, answer = messages(house, quiet)
        edited = {"message_id": question, "text": f"{secret} [n:5 r:1000]", "key": uuid4().hex}
        await tab.emit(full("chat.edit"), edited)
        await until(lambda: len(messages(house, quiet)) == 4)
        await finished(house, owner)
        for text in ("[n:2000 r:20] first", "second [n:5 r:1000]", "third [n:5 r:1000]"):
            await say(tab, busy, text)
        await until(lambda: len(messages(house, busy)) == 6)
    _, streaming, second, _, third, _ = messages(house, busy)
    await until(lambda: status(house, streaming) == "streaming")
    return Owned(
        conversation_id=quiet,
        question=question,
        answer=answer,
        busy_id=busy,
        streaming=streaming,
        waiting=(second, third),
        login_id=owner.login_id,
        secret=secret,
    )


async def say(tab: Tab, conversation_id: str, text: str) -> None:
    key = uuid4().hex
    sent = {"key": key, "conversation_id": conversation_id, "text": text, "model": ""}
    await tab.emit(f"{CHAT}.send", sent)
    await tab.until(lambda: key in tab.var("chat", "acked") or tab.var("chat", "refused")["key"] == key)
    assert tab.var("chat", "refused")["key"] != key, tab.var("chat", "refused")


async def stop(house: House, owner: Person, own: Owned) -> None:
    async with Tab.opened(house.url, cookie=owner.cookie) as tab:
        await tab.join()
        await tab.emit(full("chat.stop"), {"message_id": own.streaming})
        await finished(house, owner)


def messages(house: House, conversation_id: str) -> list[str]:
    """Ids of a conversation's messages, in the order in which they came."""
    ids = house.ask(
        "SELECT m.id FROM messages m JOIN conversations c ON m.conversation_key = c.key"
        " WHERE c.id = ? ORDER BY m.rowid",
        conversation_id,
    )
    return [row[0] for row in ids]


def status(house: House, message_id: str) -> str:
    return str(house.ask("SELECT status FROM messages WHERE id = ?", message_id)[0][0])


async def finished(house: House, owner: Person) -> None:
    """No reply is being made for the owner."""
    unfinished = "SELECT 1 FROM runs WHERE owner_id = ? AND status IN ('queued', 'streaming')"
    await until(lambda: not house.ask(unfinished, owner.account_id))


async def changed(house: House, before: dict[str, list[Any]], name: str) -> None:
    with suppress(TimeoutError):
        await until(lambda: house.content() != before)
    assert house.content() != before, f"{name} wrote nothing for its owner"


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (a condition of another process)
            await asyncio.sleep(0.05)
