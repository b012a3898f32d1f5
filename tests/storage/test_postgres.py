"""PostgreSQL as the database: who waits for whom, and what is lost when the server goes. Nothing is."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing

import psycopg
import pytest
from sqlalchemy import text

from chatapp.domain.errors import NotFound, StorageFull, Unavailable
from chatapp.storage import postgres
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.migrate import migrate
from chatapp.storage.probing import touch
from tests.postgres import PostgresServer
from tests.storage.made import queued
from tests.storage.said import OWNERS, heard, opened, say, where_one_says
from tests.waiting import until


@pytest.fixture
async def database(postgres_database: str) -> AsyncGenerator[Database]:
    async with where_one_says(postgres_database) as found:
        yield found


@asynccontextmanager
async def writing(database: Database, *, of: str = "", appends: bool = False) -> AsyncGenerator[None]:
    """Somebody is in the middle of a transaction while the block runs."""
    began, may_end = threading.Event(), threading.Event()

    def work(_: Transaction) -> None:
        began.set()
        assert may_end.wait(20)

    written = database.append(work) if appends else database.write(work, of=of)
    task = asyncio.create_task(written)
    await until(began.is_set)
    try:
        yield
    finally:
        may_end.set()
        await task


async def test_work_that_raises_leaves_no_trace(database: Database):
    """A transaction is all or nothing, and the next one is not disturbed."""

    def refused(transaction: Transaction) -> None:
        say("refused")(transaction)
        raise NotFound

    for of in ("", *OWNERS):
        with pytest.raises(NotFound):
            await database.write(refused, of=of)
    await database.write(say("kept"))
    assert await database.read(heard) == ["kept"]


async def test_a_read_finds_what_was_written_before_it_was_asked_for(database: Database):
    """Whichever lanes they take."""
    for number in range(30):
        await database.write(say(str(number)), of=OWNERS[number % 8])
        assert len(await database.read(heard)) == number + 1


async def test_a_read_is_one_picture_and_writes_nothing(database: Database):
    """It sees nothing of what is written while it looks; and whoever writes in it is refused."""
    looked, may_end = threading.Event(), threading.Event()

    def slowly(transaction: Transaction) -> tuple[list[str], list[str]]:
        before = heard(transaction)
        looked.set()
        assert may_end.wait(20)
        return before, heard(transaction)

    reading = asyncio.create_task(database.read(slowly))
    await until(looked.is_set)
    await database.write(say("later"))
    may_end.set()
    assert await reading == ([], [])
    with pytest.raises(Unavailable):
        await database.read(say("never"))


async def test_an_owners_writes_keep_their_order(database: Database):
    """As they were asked for, without waiting for each other's answers; whatever others do meanwhile."""
    words = [f"{owner} {number}" for number in range(25) for owner in OWNERS]
    await asyncio.gather(*(database.write(say(word), of=word.split()[0]) for word in words))
    order = await database.read(heard)
    for owner in OWNERS:
        own = [word for word in order if word.startswith(f"{owner} ")]
        assert own == [f"{owner} {number}" for number in range(25)]


async def test_owners_do_not_wait_for_each_other(database: Database, postgres_database: str):
    """Not even one process for another's."""
    async with opened(postgres_database) as other, writing(database, of="ann"):
        for owner in OWNERS:
            await other.write(say(owner), of=owner)
        assert await other.read(heard) == OWNERS


async def test_the_same_owner_waits(database: Database, postgres_database: str):
    """In another process too: the two are one after the other."""
    async with opened(postgres_database) as other:
        async with writing(database, of="ann"):
            waiting = asyncio.create_task(other.write(say("second"), of="ann"))
            await other.write(say("first"), of="bob")
            assert not waiting.done()
        await waiting
        assert await other.read(heard) == ["first", "second"]


@pytest.mark.parametrize(("first", "then"), [("", "ann"), ("ann", ""), ("", "")])
async def test_one_that_names_no_owner_is_alone(
    database: Database, postgres_database: str, first: str, then: str
):
    """It looks at what may be anybody's, so it waits for all others, and they wait for it."""
    async with opened(postgres_database) as other:
        async with writing(database, of=first):
            waiting = asyncio.create_task(other.write(say("then"), of=then))
            await other.append(say("log"))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
        await waiting
        assert await other.read(heard) == ["log", "then"]


async def test_two_that_wait_for_each_other_both_succeed(database: Database):
    """The server undoes one of them, which is run again."""
    await database.write(say("a"))
    await database.write(say("b"))
    holds = {"a": threading.Event(), "b": threading.Event()}

    def both(first: str, second: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            change = text("UPDATE said SET word = word || '+' WHERE word LIKE :word")
            transaction.execute(change, {"word": f"{first}%"})
            holds[first].set()
            assert holds[second].wait(10)
            transaction.execute(change, {"word": f"{second}%"})

        return work

    await asyncio.gather(database.append(both("a", "b")), database.write(both("b", "a"), of="ann"))
    assert sorted(await database.read(heard)) == ["a++", "b++"]


async def test_a_lost_connection_is_not_noticed(database: Database, postgres_server: PostgresServer):
    """Between two works, and in the middle of one: it is run again on another connection."""

    def cut() -> None:
        postgres_server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chatapp'"
        )

    tries: list[int] = []

    def cut_once(transaction: Transaction) -> None:
        say("once")(transaction)
        tries.append(1)
        if len(tries) == 1:
            cut()
        heard(transaction)

    for owner in OWNERS:
        await database.write(say(owner), of=owner)
    cut()
    assert await database.read(heard) == OWNERS
    for owner in OWNERS:
        await database.write(say(owner), of=owner)
    await database.write(cut_once, of="ann")
    assert len(tries) == 2
    assert (await database.read(heard)).count("once") == 1


async def test_a_text_with_nul_is_no_fault(database: Database):
    """PostgreSQL has none in its texts: what is looked for with one is not there."""
    await migrate(database)
    run = await queued(database)
    assert await database.read(lambda t: ConversationRepository(t).get(run.owner_id, "\0")) is None


async def test_a_lock_that_does_not_pass_is_a_clear_refusal(
    database: Database, postgres_database: str, monkeypatch: pytest.MonkeyPatch
):
    """After the timeout a write is refused with `Unavailable`; once the lock is gone all is well, and what
    was refused was not done."""
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_MS", 200)
    async with opened(postgres_database) as hasty:
        with closing(psycopg.connect(postgres_database)) as other:
            other.execute("LOCK TABLE said")
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await hasty.write(say("refused"), of="ann")
            waiting = asyncio.create_task(database.write(say("patient"), of="ann"))
            await asyncio.sleep(0)
        await waiting
        await hasty.write(say("kept"), of="ann")
        assert await hasty.read(heard) == ["patient", "kept"]


async def test_a_full_disk_is_a_clear_refusal(database: Database):
    """The server says so by its code for that; nothing of the write is kept."""

    def full(transaction: Transaction) -> None:
        say("lost")(transaction)
        transaction.execute(text("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$"))

    with pytest.raises(StorageFull):
        await database.write(full, of="ann")
    await database.write(say("kept"), of="ann")
    assert await database.read(heard) == ["kept"]


async def test_who_stops_in_mid_transaction_holds_nobody_up_for_long(
    database: Database, postgres_database: str, monkeypatch: pytest.MonkeyPatch
):
    """A process that sleeps keeps its locks for as long as a pause in a transaction may be. What it had
    done is undone, and done again once it is awake."""
    monkeypatch.setattr(postgres, "IDLE_TIMEOUT_MS", 1_000)
    tries: list[int] = []
    began, may_end = threading.Event(), threading.Event()

    def asleep(transaction: Transaction) -> None:
        say("asleep")(transaction)
        tries.append(1)
        began.set()
        assert may_end.wait(20)
        say("awake")(transaction)

    async with opened(postgres_database) as sleepy:
        sleeping = asyncio.create_task(sleepy.write(asleep, of="ann"))
        await until(began.is_set)
        async with asyncio.timeout(6):
            await database.write(say("other"), of="ann")
        may_end.set()
        await sleeping
    assert len(tries) == 2
    assert await database.read(heard) == ["other", "asleep", "awake"]


async def test_readiness_is_asked_by_a_write(database: Database):
    await database.write(touch, of="health")


async def _written_while(database: Database, server: PostgresServer, end: str) -> list[str]:
    """What was said to be stored while the server ends in one way or another, and begins again."""
    stored: list[str] = []
    is_over = False

    async def writer(owner: str) -> None:
        number = 0
        while not is_over:
            number += 1
            try:
                await database.write(say(f"{owner} {number}"), of=owner)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                stored.append(f"{owner} {number}")

    async with asyncio.TaskGroup() as writers:
        for owner in OWNERS:
            writers.create_task(writer(owner))
        await until(lambda: len(stored) > 50)
        if end == "restart":
            server.restart()
        else:
            server.kill()
            with pytest.raises(Unavailable):
                await database.read(heard)
            server.start()
        before = len(stored)
        await until(lambda: len(stored) > before + 50)
        is_over = True
    return stored


@pytest.mark.parametrize("end", ["restart", "kill"])
async def test_after_the_servers_end_all_goes_on(end: str):
    """Restarted or killed: what was said to be stored is stored, what is asked meanwhile is refused at once,
    and as soon as the server is back writes and reads are as before."""
    server = PostgresServer(fsync=True)
    try:
        server.start()
        async with where_one_says(server.create_database()) as database:
            stored = await _written_while(database, server, end)
            there = await database.read(heard)
            assert len(there) == len(set(there))
            # At most one of each, whose commit nobody heard of.
            assert set(stored) <= set(there)
            assert len(there) <= len(stored) + len(OWNERS)
    finally:
        server.stop()
