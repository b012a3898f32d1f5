"""What is taken back is gone within 5 s, also on a socket that is open and for a reply that is running."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from tests.doors.house import CHAT, House
from tests.doors.operations import full
from tests.doors.people import LONG_AGO, Person, again, call, member, sign_in
from tests.wire import Tab

pytestmark = pytest.mark.timeout(180)

Taking = Callable[[House, Person, Person], Awaitable[None]]


async def log_out_elsewhere(house: House, here: Person, _: Person) -> None:
    """The same browser: another tab, or a program with its cookie."""
    assert (await call(house, "POST", "/api/logout", here)).status_code == 204


async def end_from_the_list(house: House, here: Person, other: Person) -> None:
    """From another browser of the same person, on its socket."""
    async with Tab.opened(house.url, cookie=other.cookie) as tab:
        await tab.join()
        await tab.emit(full("own_account.end_login"), {"login_id": here.login_id})
        await tab.quiet_for(0.5)


async def change_the_password(house: House, _: Person, other: Person) -> None:
    async with Tab.opened(house.url, cookie=other.cookie) as tab:
        await tab.join()
        new = {"old": other.password, "new": f"new {uuid4()}"}
        await tab.emit(full("own_account.change_password"), new)
        await tab.quiet_for(0.5)


async def end_in_another_process(house: House, here: Person, _: Person) -> None:
    """Whose memory this server does not share."""
    async with sign_in(house) as desk:
        cookie = (here.cookie or "").partition("=")[2]
        asker = await desk._accounts.resolve(cookie)
        assert asker is not None
        await desk.log_out(asker)


async def disable(house: House, here: Person, _: Person) -> None:
    house.change("UPDATE accounts SET disabled_at = ? WHERE id = ?", LONG_AGO, here.account_id)


async def timed(taking: Awaitable[None]) -> float:
    """When it was done."""
    await taking
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    "take", [log_out_elsewhere, end_from_the_list, change_the_password, end_in_another_process, disable]
)
async def test_an_open_socket_and_a_running_reply(house: House, take: Taking) -> None:
    """Cut within 5 s, nothing said after; and whoever comes back with the cookie is nobody."""
    here = await member(house)
    other = await again(house, here)
    conversation_id = uuid4().hex
    async with Tab.opened(house.url, cookie=here.cookie) as tab:
        await tab.join(path=f"/c/{conversation_id}")
        text = "[n:2000 r:50] all of it"
        sent = {"key": uuid4().hex, "conversation_id": conversation_id, "text": text, "model": ""}
        await tab.emit(f"{CHAT}.send", sent)
        await tab.until(lambda: tab.received_bytes > 20_000)
        taking = asyncio.create_task(timed(take(house, here, other)))
        assert await tab.closed(within=20) == 1008
        cut = asyncio.get_running_loop().time()
        # Counted from when it was taken; before that it was only asked for.
        assert cut - await taking < 5
    async with Tab.opened(house.url, cookie=here.cookie) as tab:
        await tab.join(path=f"/c/{conversation_id}")
        await tab.emit(f"{CHAT}.send", {**sent, "key": uuid4().hex})
        await tab.quiet_for(1)
        assert tab.var("side", "signed_out")
        assert "all of it" not in json.dumps(tab.state)


async def test_who_changes_the_password_stays(house: House) -> None:
    here = await member(house)
    other = await again(house, here)
    async with Tab.opened(house.url, cookie=here.cookie) as tab:
        await tab.join()
        await change_the_password(house, other, here)
        await tab.quiet_for(5)
        assert await tab.answers()
        assert not tab.var("side", "signed_out")


async def test_a_deleted_conversation_is_gone_in_every_tab(house: House) -> None:
    """In mid-reply, in another browser."""
    here = await member(house)
    other = await again(house, here)
    conversation_id, path = uuid4().hex, ""
    async with Tab.opened(house.url, cookie=here.cookie) as tab:
        path = f"/c/{conversation_id}"
        await tab.join(path=path)
        sent = {"key": uuid4().hex, "conversation_id": conversation_id, "text": "[n:2000 r:50]", "model": ""}
        await tab.emit(f"{CHAT}.send", sent)
        await tab.until(lambda: tab.received_bytes > 20_000)
        async with Tab.opened(house.url, cookie=other.cookie) as elsewhere:
            await elsewhere.join()
            await elsewhere.emit(full("manage.delete"), {"conversation_id": conversation_id, "reopen": False})
            started = asyncio.get_running_loop().time()
            await tab.until(lambda: bool(tab.var("chat", "missing")))
            assert asyncio.get_running_loop().time() - started < 5
