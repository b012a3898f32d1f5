"""The server dies while an account is deleted, and while one is exported: in the end it is all or nothing."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from chatapp.storage.database import Database
from tests.app_server import AppServer
from tests.databases import url_of
from tests.doors.house import House
from tests.doors.operations import full
from tests.doors.people import Person, call, member
from tests.doors.test_access_matrix import finished, say
from tests.storage.indexed import assert_index_is_true
from tests.storage.made import lengthened, principal
from tests.waiting import until
from tests.wire import Closed, Tab

#: Enough to be removed, or written, in many pieces.
MESSAGES: Final = 3_000
#: Where something of an account can be, and how it is found there.
THEIRS: Final = {
    "accounts": "id = ?",
    "logins": "account_id = ?",
    "conversations": "owner_id = ?",
    "messages": "owner_id = ?",
    "runs": "owner_id = ?",
}


@pytest.fixture
def house(mortal: AppServer) -> House:
    """The app that is killed."""
    if not mortal.is_running:
        mortal.start()
    return House(mortal)


async def restarted(house: House) -> None:
    """kill -9, and a start."""
    await asyncio.to_thread(house.server.kill)
    await asyncio.to_thread(house.server.start)


async def somebody_with_much(house: House, *, messages: int = MESSAGES) -> tuple[Person, str]:
    """A member with a long conversation."""
    somebody, conversation_id = await member(house), uuid4().hex
    async with Tab.opened(house.url, cookie=somebody.cookie) as tab:
        await tab.join()
        await say(tab, conversation_id, f"Mine {conversation_id} [n:5 r:1000]")
    await finished(house, somebody)
    owner = replace(principal(), account_id=somebody.account_id)
    database = Database(f"sqlite:///{house.server.data_dir / 'chatapp.db'}")
    try:
        await database.write(lambda work: lengthened(work, owner, conversation_id, messages))
    finally:
        await database.close()
    return somebody, conversation_id


def rows_of(house: House, somebody: Person) -> dict[str, int]:
    return {
        table: house.ask(f"SELECT count(*) FROM {table} WHERE {where}", somebody.account_id)[0][0]
        for table, where in THEIRS.items()
    }


async def asks_for_deletion(house: House, somebody: Person, asked: asyncio.Event) -> None:
    """As the page does; the server may die once it is `asked`."""
    async with Tab.opened(house.url, cookie=somebody.cookie) as tab:
        await tab.join(path="/settings")
        await tab.emit(full("own_account.delete"), {"password": somebody.password}, path="/settings")
        asked.set()
        try:
            await tab.until(lambda: bool(tab.var("door", "to")))
        except (Closed, TimeoutError):
            return


async def test_a_deletion_is_finished_by_the_next_process(
    house: House, chance: random.Random, rounds: int
) -> None:
    """At any moment all of the account is there or nothing of it can be had; begun once, it ends by itself.
    Others lose nothing, and the search index stays true."""
    other, kept = await somebody_with_much(house, messages=10)
    before = rows_of(house, other)
    for _ in range(rounds):
        victim, _ = await somebody_with_much(house)
        whole = rows_of(house, victim)
        asking = asyncio.create_task(asks_for_deletion(house, victim, asyncio.Event()))
        few = chance.randrange(MESSAGES)
        await until(lambda victim=victim, few=few: rows_of(house, victim)["messages"] <= few, seconds=60)
        await asyncio.to_thread(house.server.kill)
        await asking
        left = rows_of(house, victim)
        print(f"killed with {left['messages']} of {whole['messages']} messages left")
        assert left["logins"] == 0
        await asyncio.to_thread(house.server.start)
        assert (await call(house, "GET", "/api/export", victim)).status_code == 401
        await until(lambda victim=victim: not any(rows_of(house, victim).values()), seconds=60)
        assert_index_is_true(url_of(house.server.data_dir / "chatapp.db"))
        assert rows_of(house, other) == before
        assert kept in (await call(house, "GET", "/api/export", other)).text


async def test_a_kill_before_the_deletion_began_leaves_all(
    house: House, chance: random.Random, rounds: int
) -> None:
    """Whether it had begun is one row's word: then everything goes, else everything is there and in use."""
    for _ in range(max(rounds // 2, 1)):
        victim, conversation_id = await somebody_with_much(house, messages=200)
        whole = rows_of(house, victim)
        asked = asyncio.Event()
        asking = asyncio.create_task(asks_for_deletion(house, victim, asked))
        await asyncio.wait_for(asked.wait(), 10)
        # A password is checked first, for a tenth of a second of a core.
        await asyncio.sleep(chance.uniform(0, 0.4))
        await restarted(house)
        await asking
        answer = await call(house, "GET", "/api/export", victim)
        if answer.status_code == 200:
            assert rows_of(house, victim) == whole
            assert conversation_id in answer.text
        else:
            assert answer.status_code == 401
            await until(lambda victim=victim: not any(rows_of(house, victim).values()), seconds=60)


async def test_an_export_that_was_cut_is_seen_to_be_and_can_be_had_again(house: House) -> None:
    """The browser is not told that it was whole; the next one is, and nothing of the first stands in its
    way."""
    somebody, _ = await somebody_with_much(house)
    got, cut = await read_until(house, somebody, lambda size: size > 20_000)
    assert cut
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)
    answer = await call(house, "GET", "/api/export", somebody)
    [conversation] = answer.json()["conversations"]
    assert len(conversation["messages"]) == MESSAGES + 2
    noted = "SELECT count(*) FROM security_events WHERE kind = 'data_exported' AND account_id = ?"
    assert house.ask(noted, somebody.account_id) == [(2,)]


async def read_until(house: House, somebody: Person, enough: Callable[[int], bool]) -> tuple[bytes, bool]:
    """What came of an export until the server was killed, and whether the client was told that it is not
    all."""
    got = b""
    headers = {"Cookie": str(somebody.cookie), "Host": f"localhost:{house.server.port}"}
    client: Any = httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.server.port}", trust_env=False)
    async with client:
        try:
            async with client.stream("GET", "/api/export", headers=headers, timeout=20) as answer:
                async for piece in answer.aiter_raw(4_096):
                    got += piece
                    if enough(len(got)):
                        await restarted(house)
                        enough = lambda _: False  # noqa: E731  (once)
        except httpx.HTTPError:
            return got, True
    return got, False
