"""A run is a log with a cursor: whoever comes, and comes again, reads each record once."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic

import pytest

from chatapp.domain.errors import NotFound, NotSignedIn, TooMany, Unavailable
from chatapp.domain.events import Chunk, Done, Logged
from chatapp.domain.messages import Status
from chatapp.domain.runs import Turn
from chatapp.services.runs import READERS_PER_ACCOUNT, Idle, Item, Queued
from tests.chat import Chat, Opening
from tests.upstream import text
from tests.waiting import until

TOKENS = 120
#: Being made until it is stopped.
HELD = "[n:60 fault:hang at:20 tries:1]"


def events(chat: Chat, turn: Turn, after: int = 0) -> AsyncGenerator[Item]:
    return chat.services.runs.events(chat.who, turn.run_id, after=after)


@dataclass
class Reading:
    """What a reader was given so far."""

    records: list[Logged] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    idles: int = 0

    @property
    def seqs(self) -> list[int]:
        return [record.seq for record in self.records]

    @property
    def text(self) -> str:
        return said(self.records)

    @property
    def status(self) -> Status | None:
        done = [record.event.status for record in self.records if isinstance(record.event, Done)]
        return done[0] if done else None

    def take(self, item: Item) -> None:
        match item:
            case Queued():
                self.places.append(item.position)
            case Idle():
                self.idles += 1
            case _:
                self.records.extend(item)


def said(records: Sequence[Logged]) -> str:
    return "".join(record.event.content for record in records if isinstance(record.event, Chunk))


async def read(chat: Chat, turn: Turn, after: int = 0, *, into: Reading | None = None) -> Reading:
    """All that a reader is given."""
    reading = into or Reading()
    async with asyncio.timeout(30), aclosing(events(chat, turn, after)) as items:
        async for item in items:
            reading.take(item)
    return reading


async def test_readers_who_come_at_any_moment_read_the_same_log(chat: Chat):
    """From the start, contiguous, exactly one end, and the text byte for byte."""
    turn = await chat.send(f"Go [n:{TOKENS} r:200]")
    chances = random.Random(7)

    async def come() -> Reading:
        await asyncio.sleep(chances.uniform(0, 0.9))
        return await read(chat, turn)

    for reading in await asyncio.gather(*(come() for _ in range(30))):
        assert reading.seqs == list(range(1, len(reading.seqs) + 1))
        assert reading.text == text(TOKENS)
        assert reading.status is Status.COMPLETE
    assert (await read(chat, turn)).records == reading.records


async def test_each_cursor_gets_what_follows_it(chat: Chat):
    """At every seq of a reply, while it is made and after its end."""
    turn = await chat.send(f"Go [n:{TOKENS} r:300]")
    live: list[asyncio.Task[Reading]] = []
    whole = Reading()
    async with aclosing(events(chat, turn)) as items:
        async for item in items:
            before = len(whole.records)
            whole.take(item)
            live += [asyncio.create_task(read(chat, turn, seq)) for seq in range(before, len(whole.records))]
    assert len(live) == len(whole.records) > 5
    for seq, task in enumerate(live):
        assert (await task).records == whole.records[seq:], seq
        assert (await read(chat, turn, seq)).records == whole.records[seq:], seq
    assert (await read(chat, turn, len(whole.records))).records == []
    assert (await read(chat, turn, 10**6)).records == []


async def test_a_reader_after_a_restart_goes_on_from_its_cursor(opening: Opening):
    """What one process gave and what the next one gives fit together, though the reply had to be taken up."""
    reading = Reading()
    async with opening() as chat:
        turn = await chat.send(f"Go [n:{TOKENS} r:150]")
        async with aclosing(events(chat, turn)) as items:
            async for item in items:
                reading.take(item)
                if len(reading.text) > 100:
                    break
    async with opening() as chat:
        await read(chat, turn, reading.seqs[-1], into=reading)
    assert reading.seqs == list(range(1, len(reading.seqs) + 1))
    assert reading.text == text(TOKENS)


async def test_places_in_the_queue_are_told(opening: Opening):
    """At once to whoever comes, and again when they change; nothing waits once the reply begins."""
    async with opening(MAX_CONCURRENT_STREAMS="1") as chat:
        held = await chat.send(f"First {HELD}")
        await chat.has_text(held)
        second, third = await chat.send("[n:3]"), await chat.send("[n:3]")
        readings = [Reading(), Reading()]
        readers = [
            asyncio.create_task(read(chat, turn, into=reading))
            for turn, reading in zip((second, third), readings, strict=True)
        ]
        await until(lambda: [one.places for one in readings] == [[1], [2]])
        await chat.services.runs.cancel(chat.who, held.run_id)
        await asyncio.gather(*readers)
    assert [one.places for one in readings] == [[1], [2, 1]]
    assert [one.text for one in readings] == [text(3)] * 2


async def test_a_stop_ends_the_reading(chat: Chat):
    """Within a second; upstream is hung up, and the text so far is the reply."""
    turn = await chat.send(f"[id:held] {HELD}")
    await chat.has_text(turn, chars=len(text(20)))
    started = monotonic()
    reader = asyncio.create_task(read(chat, turn))
    await chat.services.runs.cancel(chat.who, turn.run_id)
    reading = await reader
    assert monotonic() - started < 1
    assert reading.status is Status.STOPPED
    assert reading.text == text(20)
    await until(lambda: chat.request("held").outcome == "closed")
    await chat.services.runs.cancel(chat.who, turn.run_id)
    assert (await chat.services.runs.run(chat.who, turn.run_id)).status is Status.STOPPED


async def test_a_turn_that_is_taken_back_ends_too(chat: Chat):
    """Whoever waits for it is told that it was stopped, now and later."""
    held = await chat.send(f"First {HELD}", to="c")
    await chat.has_text(held)
    turn = await chat.send("[n:3]", to="c")
    reader = asyncio.create_task(read(chat, turn))
    await asyncio.sleep(0.05)
    await chat.services.turns.remove_queued(chat.who, message_id=turn.user_message_id)
    assert (await reader).status is Status.STOPPED
    assert (await read(chat, turn)).status is Status.STOPPED
    with pytest.raises(NotFound):
        await chat.services.runs.message(chat.who, turn.run_id)


async def test_a_deleted_conversation_ends_its_streams(chat: Chat):
    """At once for those who read; for others there is no such run."""
    turn = await chat.send(f"First {HELD}", to="c")
    reader = asyncio.create_task(read(chat, turn))
    await chat.has_text(turn)
    await chat.services.conversations.delete(chat.who, "c")
    async with asyncio.timeout(2):
        assert (await reader).status in {None, Status.STOPPED}
    for call in (read(chat, turn), chat.services.runs.run(chat.who, turn.run_id)):
        with pytest.raises(NotFound):
            await call


async def test_a_login_that_ends_ends_its_streams(chat: Chat):
    """Within 5 s, and only its own; the run goes on."""
    accounts = chat.services.accounts
    mine = await accounts.resolve(accounts.cookies.make())
    assert mine is not None
    me = Chat(chat.services, chat.upstream, who=mine)
    turn = await me.send(f"First {HELD}")
    others = await chat.send(f"Other {HELD}")
    reading = Reading()
    reader = asyncio.create_task(read(me, turn, into=reading))
    waiting = asyncio.create_task(me.services.runs.message(mine, turn.run_id))
    other = asyncio.create_task(read(chat, others))
    await until(lambda: reading.text != "")
    assert await accounts.revoke(mine.login_id)
    async with asyncio.timeout(5):
        assert (await reader).status is None
        with pytest.raises(NotSignedIn):
            await waiting
    assert not other.done()
    other.cancel()


async def test_a_quiet_stream_says_that_it_is_there(opening: Opening):
    """Every keep-alive interval."""
    async with opening(SSE_KEEPALIVE_INTERVAL="1") as chat:
        turn = await chat.send(f"First {HELD}")
        reading = Reading()
        reader = asyncio.create_task(read(chat, turn, into=reading))
        await until(lambda: reading.idles >= 2, seconds=15)
        reader.cancel()


async def test_the_whole_message_is_waited_for(chat: Chat):
    """As it is stored in the end."""
    turn = await chat.send("[n:50 r:200]")
    message = await chat.services.runs.message(chat.who, turn.run_id)
    assert message == await chat.reply(turn)
    assert (message.text, message.status) == (text(50), Status.COMPLETE)
    info = await chat.services.runs.run(chat.who, turn.run_id)
    assert (info.id, info.conversation_id, info.user_message_id, info.message_id) == (
        turn.run_id,
        turn.conversation_id,
        turn.user_message_id,
        turn.message_id,
    )
    assert info.status is Status.COMPLETE


async def test_readers_are_counted_for_each_account(chat: Chat):
    """One too many is refused at once; who leaves makes room, and others are not concerned."""
    turn = await chat.send(f"First {HELD}")
    readers = [events(chat, turn) for _ in range(READERS_PER_ACCOUNT)]
    for reader in readers:
        await anext(reader)
    with pytest.raises(TooMany):
        await anext(events(chat, turn))
    other = chat.of("other")
    theirs = events(other, await other.send("[n:3]"))
    await anext(theirs)
    await theirs.aclose()
    await readers.pop().aclose()
    again = events(chat, turn)
    await anext(again)
    for reader in (*readers, again):
        await reader.aclose()


async def test_a_reader_who_does_not_come_back_for_more_holds_up_nobody(chat: Chat):
    """It has a cursor and no queue: when it comes it gets all of it."""
    turn = await chat.send(f"Go [n:{TOKENS} r:400]")
    slow = events(chat, turn)
    reading = Reading()
    reading.take(await anext(slow))
    assert (await read(chat, turn)).text == text(TOKENS)
    async for item in slow:
        reading.take(item)
    assert reading.text == text(TOKENS)


async def test_streams_end_when_the_process_is_asked_to(chat: Chat):
    """Those that read have what there is, those that wait are told to try again; the run goes on later."""
    turn = await chat.send(f"First {HELD}")
    reading = Reading()
    reader = asyncio.create_task(read(chat, turn, into=reading))
    waiting = asyncio.create_task(chat.services.runs.message(chat.who, turn.run_id))
    await until(lambda: reading.text == text(20))
    chat.services.runs.close()
    async with asyncio.timeout(2):
        assert (await reader).status is None
        with pytest.raises(Unavailable):
            await waiting
    with pytest.raises(Unavailable):
        await anext(events(chat, turn))


async def test_nothing_is_kept_for_readers_who_left(chat: Chat):
    """Whether they read to the end or not, or were refused."""
    turn = await chat.send(f"Go [n:{TOKENS} r:400]")
    first = events(chat, turn)
    await anext(first)
    await first.aclose()
    with pytest.raises(NotFound):
        await anext(events(chat.of("other"), turn))
    await read(chat, turn)
    assert chat.services.runs.readers == 0
    assert not chat.services.runs._feeds  # pyright: ignore[reportPrivateUsage]
