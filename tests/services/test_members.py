"""What accounts and conversations have to do with each other, on opened services."""

import asyncio
from datetime import UTC, datetime

import pytest

from chatapp.domain.errors import NotSignedIn
from chatapp.domain.messages import Status
from chatapp.services.account_changes import set_disabled
from chatapp.services.operating import Operating
from chatapp.services.passwords import Passwords
from chatapp.services.sign_in import Visit
from chatapp.storage.database import Database, Transaction
from tests.chat import Chat, Opening, rows

VISIT = Visit(address="192.0.2.7")
PASSWORD = "correct horse battery"


async def signed_in(chat: Chat, cookie: str) -> Chat:
    who = await chat.services.accounts.resolve(cookie)
    assert who is not None
    return Chat(chat.services, chat.upstream, who=who)


async def test_a_guest_who_registers_keeps_everything(chat: Chat):
    """Conversations, the reply that is being made, and what a second browser sees after logging in."""
    services = chat.services
    guest = await signed_in(chat, services.accounts.cookies.make())
    first = await guest.send("First [n:5]")
    await guest.ended(first)
    running = await guest.send("Second [n:400 r:200]")
    await guest.has_text(running)
    admission = await services.sign_in.register(
        guest.who, email="ann@example.org", password=PASSWORD, visit=VISIT
    )
    here = await signed_in(chat, admission.cookie)
    there = await signed_in(
        chat,
        (await services.sign_in.log_in(email="ann@example.org", password=PASSWORD, visit=VISIT)).cookie,
    )
    for browser in (here, there):
        listed = (await services.conversations.listing(browser.who)).items
        assert {one.conversation.id for one in listed} == {first.conversation_id, running.conversation_id}
    assert (await there.ended(running, seconds=30)).status is Status.COMPLETE


async def test_a_disabled_member_s_replies_stop_and_nothing_is_sent(opening: Opening):
    """Whoever disables, from the command line of another process say: within five seconds."""
    async with opening() as chat:
        sign_in = chat.services.sign_in
        await sign_in.register(None, email="ann@example.org", password=PASSWORD, visit=VISIT)
        bo = await signed_in(
            chat,
            (await sign_in.register(None, email="bo@example.org", password=PASSWORD, visit=VISIT)).cookie,
        )
        running = await bo.send("Long [n:4000 r:100]")
        await bo.has_text(running)
        other = await chat.send("Somebody else's [n:400 r:100]")
        await chat.has_text(other)
        database = Database(chat.services.settings.database_url)
        await Operating(database=database, passwords=Passwords()).set_disabled("bo@example.org", True)
        await database.close()
        stopped = await bo.ended(running, seconds=5)
        assert stopped.status is Status.STOPPED
        async with asyncio.timeout(5):
            while await chat.services.accounts.is_current(bo.who):  # noqa: ASYNC110 - another process did it
                await asyncio.sleep(0.05)
        with pytest.raises(NotSignedIn):
            await bo.send("Once more")
        assert (await chat.ended(other, seconds=30)).status is Status.COMPLETE


async def test_a_visitor_sends_nothing(opening: Opening):
    """Where guests are not let in, not even a handler that forgot to ask could write for one."""
    async with opening(AUTH_MODE="password") as chat:
        visitor = await signed_in(chat, chat.services.accounts.cookies.make())
        with pytest.raises(NotSignedIn):
            await visitor.send("Hello")
        assert rows(chat.services.settings, "SELECT count(*) FROM accounts") == [(0,)]


async def test_disabling_stops_what_waits_too(chat: Chat):
    """Runs that have not begun are marked in the same transaction; those of others are not."""
    turn = await chat.send("Long [n:4000 r:50]")
    waiting = await chat.send("Behind it [n:5]", to=turn)
    await chat.has_text(turn)
    other = chat.of("ben")
    his = await other.send("His [n:5]")
    database = Database(chat.services.settings.database_url)

    def work(transaction: Transaction) -> None:
        set_disabled(transaction, chat.who.account_id, True, actor_id="operator", at=datetime.now(UTC))

    await database.write(work)
    await database.close()
    for one in (turn, waiting):
        assert (await chat.ended(one, seconds=5)).status is Status.STOPPED
    assert (await other.ended(his)).status is Status.COMPLETE
