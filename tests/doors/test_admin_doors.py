"""What admins may do, by raw clients of others, with the ids of things that are really there."""

import json
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import pytest

from chatapp.ui.gate import Who
from tests.doors.house import House
from tests.doors.operations import CALLS, NOTHING, full
from tests.doors.people import Person, admin_of, call, member, newcomer
from tests.doors.test_access_matrix import say, until
from tests.wire import Tab

pytestmark = pytest.mark.timeout(180)

Payload = dict[str, Any]
#: Of another's account and of a reply that is being made for it.
REAL: Final[dict[str, Callable[[str, str], Payload]]] = {
    "admin.make_admin": lambda account_id, _: {"account_id": account_id, "is_admin": True},
    "admin.disable": lambda account_id, _: {"account_id": account_id, "disabled": True},
    "admin.reset_password": lambda account_id, _: {"account_id": account_id},
    "admin.stop_run": lambda _, run_id: {"run_id": run_id},
    "admin.delete": lambda account_id, _: {"account_id": account_id},
}
EMPTY: Final = {"section": "", "search": "", "users": [], "runs": [], "events": [], "more": False}


def test_each_that_changes_something_is_tried():
    assert set(REAL) <= {name for name, one in CALLS.items() if one.who is Who.ADMIN}


async def test_nobody_else_can(house: House):
    """Not who never was an admin, and not who was: nothing changes, and nothing of others is sent."""
    victim = await member(house)
    former, off = await admin_of(house), await admin_of(house)
    house.change("UPDATE accounts SET role = 'user' WHERE id = ?", former.account_id)
    house.change("UPDATE accounts SET disabled_at = created_at WHERE id = ?", off.account_id)
    run_id = await busy(house, victim)
    before = stored(house, victim)
    for stranger in (newcomer(house), await member(house), former, off):
        async with Tab.opened(house.url, cookie=stranger.cookie) as tab:
            await tab.join(path="/admin")
            for name, one in CALLS.items():
                if one.who is Who.ADMIN:
                    payload = REAL[name](victim.account_id, run_id) if name in REAL else one.payload(NOTHING)
                    await tab.emit(full(name), payload, path="/admin")
            await tab.quiet_for(1.5)
            assert {name: tab.var("admin", name) for name in EMPTY} == EMPTY
            assert victim.email not in json.dumps(tab.state)
        assert stored(house, victim) == before


async def test_an_admin_can(house: House):
    """What is refused to others above is possible, call by call."""
    victim, admin = await member(house), await admin_of(house)
    run_id = await busy(house, victim)
    async with Tab.opened(house.url, cookie=admin.cookie) as tab:
        await tab.join(path="/admin")
        assert victim.email in json.dumps(tab.var("admin", "users"))
        before = stored(house, victim)
        for name in ("admin.stop_run", *(one for one in REAL if one != "admin.stop_run")):
            await tab.emit(full(name), REAL[name](victim.account_id, run_id), path="/admin")
            await until(lambda before=before: stored(house, victim) != before)
            before = stored(house, victim)
    account = "SELECT count(*) FROM accounts WHERE id = ?"
    await until(lambda: house.ask(account, victim.account_id) == [(0,)])


async def test_an_export_has_one_s_own(house: House):
    """And nothing of anybody else."""
    ann, ben = await member(house), await member(house)
    await busy(house, ann, "only Ann's [n:2]")
    await busy(house, ben, "only Ben's [n:2]")
    answer = await call(house, "GET", "/api/export", ben)
    assert answer.json()["account"]["email"] == ben.email
    assert "only Ben's" in answer.text
    assert "only Ann's" not in answer.text
    assert ann.account_id not in answer.text
    noted = "SELECT address FROM security_events WHERE kind = 'data_exported' AND account_id = ?"
    assert house.ask(noted, ben.account_id) == [("127.0.0.1",)]


async def test_the_page_s_file_is_the_same_for_everybody(house: House):
    """It was made before there was anybody: what an admin sees comes over the socket, after it was asked who
    looks. So the file may be had by anybody, as every other page's."""
    admin, ben = await admin_of(house), await member(house)
    files = [await call(house, "GET", "/admin", one) for one in (newcomer(house), ben, admin)]
    assert {file.status_code for file in files} == {200}
    assert len({file.content for file in files}) == 1
    known = [word for row in house.ask("SELECT id, email FROM accounts") for word in row if word]
    assert {ben.email, admin.email} <= set(known)
    assert [word for word in known if word in files[0].text] == []


async def busy(house: House, somebody: Person, text: str = "Long [n:4000 r:20]") -> str:
    """A message is answered for them; returns the run."""
    async with Tab.opened(house.url, cookie=somebody.cookie) as tab:
        await tab.join()
        await say(tab, uuid4().hex, text)
    [(run_id,)] = house.ask("SELECT id FROM runs WHERE owner_id = ?", somebody.account_id)
    return str(run_id)


def stored(house: House, somebody: Person) -> list[list[tuple[Any, ...]]]:
    """What an admin could change about somebody."""
    account = "SELECT role, disabled_at, deleted_at, password_hash, email FROM accounts WHERE id = ?"
    runs = "SELECT cancel_requested FROM runs WHERE owner_id = ?"
    return [house.ask(question, somebody.account_id) for question in (account, runs)]
