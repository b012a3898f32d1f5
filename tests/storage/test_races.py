"""Two processes on one PostgreSQL database do what only one of them may, or in either order."""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from chatapp.domain.events import Chunk, Logged
from chatapp.domain.log import Append
from chatapp.domain.runs import Run
from chatapp.storage.database import Database, Transaction
from chatapp.storage.deleted import DeletedRepository
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.storage.migrate import migrate
from chatapp.storage.runs import RunRepository
from tests.postgres import PostgresServer
from tests.storage.made import (
    claimed,
    make_conversation,
    make_run,
    principal,
    streaming,
)
from tests.storage.racer import MEMBERS, SENDS, racer
from tests.waiting import until


@pytest.fixture
async def database(postgres_database: str) -> AsyncGenerator[Database]:
    database = Database(postgres_database)
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
async def other(database: Database, postgres_database: str) -> AsyncGenerator[Database]:
    """Another process's, as far as the server can tell."""
    assert database
    other = Database(postgres_database)
    yield other
    await other.close()


def counted(transaction: Transaction, what: str) -> int:
    return transaction.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def said(seq: int, word: str) -> Logged:
    return Logged(seq=seq, at=datetime.now(UTC), event=Chunk(content=word))


async def test_the_same_send_in_two_processes_is_one_turn(database: Database, postgres_database: str):
    """A retry that reaches another process while the first is still at it gets the same run."""
    async with racer(postgres_database, "send") as one, racer(postgres_database, "send") as two:
        await asyncio.gather(one.ready(), two.ready())
        one.go()
        two.go()
        sent = await one.says()
        assert sent == await two.says()
    assert len(set(sent)) == SENDS
    assert await database.read(lambda t: counted(t, "messages")) == 2 * SENDS
    # One behind the other, whichever process sent it: no branch was begun twice.
    assert await database.read(lambda t: counted(t, "messages WHERE parent_id IS NULL")) == 1
    forked = "(SELECT 1 FROM messages GROUP BY parent_id HAVING count(*) > 1) AS forked"
    assert await database.read(lambda t: counted(t, forked)) == 0


async def test_the_first_account_is_the_only_admin(database: Database, postgres_database: str):
    """Whoever of all who sign up at the same time in two processes it is."""
    async with (
        racer(postgres_database, "register", "ann") as one,
        racer(postgres_database, "register", "bob") as two,
    ):
        await asyncio.gather(one.ready(), two.ready())
        one.go()
        two.go()
        roles = [*await one.says(), *await two.says()]
    assert sorted(roles) == ["admin", *["user"] * (2 * MEMBERS - 1)]
    assert await database.read(lambda t: counted(t, "accounts WHERE role = 'admin'")) == 1


async def test_who_takes_a_run_over_has_all_that_was_written(database: Database, other: Database):
    """A claim that comes between an append's check and its commit waits for it: what is shown of the first
    attempt is known to the second, and from then on the first is refused."""
    run = await streaming(database)
    checked, may_end = threading.Event(), threading.Event()

    def append(transaction: Transaction) -> None:
        runs = RunRepository(transaction)
        assert runs.attempts([run.id]) == {run.id: 1}
        checked.set()
        assert may_end.wait(20)
        runs.append([(run.id, said(1, "shown"))])

    def take_over(transaction: Transaction) -> list[Logged]:
        assert RunRepository(transaction).claim(run)
        return RunRepository(transaction).log(run.id)

    appending = asyncio.create_task(database.append(append))
    await until(checked.is_set)
    taking = asyncio.create_task(other.write(take_over, of=run.owner_id))
    done, _ = await asyncio.wait([taking], timeout=0.3)
    assert not done
    may_end.set()
    await appending
    assert [record.event for record in await taking] == [Chunk(content="shown")]
    late = Append(run_id=run.id, attempt=1, records=(said(2, "late"),))
    assert await DatabaseLogStore(database).append([late]) == {run.id}


async def test_only_one_of_two_takes_a_run_over(database: Database, other: Database):
    """However often they try at the same time."""

    async def tried(run: Run) -> list[bool]:
        tries = (
            one.write(lambda t: RunRepository(t).claim(run), of=run.owner_id)
            for one in (database, other, database, other)
        )
        return await asyncio.gather(*tries)

    for _ in range(10):
        assert sorted(await tried(await streaming(database))) == [False, False, False, True]


async def test_stops_and_steps_of_many_runs_do_not_wait_for_each_other(
    database: Database, other: Database, postgres_server: PostgresServer, postgres_database: str
):
    """Both hold several runs, and take them in the same order: the server never has to undo one."""
    owner = principal("ann")
    conversation = await database.write(lambda t: make_conversation(t, owner))
    queued = [await database.write(lambda t: make_run(t, conversation)) for _ in range(6)]
    runs = [await claimed(database, run) for run in queued]
    store, is_over = DatabaseLogStore(database), False

    async def steps(order: list[Run]) -> int:
        seq = 0
        while not is_over:
            seq += 1
            batch = [Append(run_id=run.id, attempt=1, records=(said(seq, "x"),)) for run in order]
            assert await store.append(batch) == frozenset()
        return seq

    writing = asyncio.create_task(steps(runs[::-1]))
    for _ in range(40):
        await other.write(lambda t: RunRepository(t).cancel_all(conversation.key), of=owner.account_id)
    is_over = True
    written = await writing
    assert await database.read(lambda t: counted(t, "run_events")) == written * len(runs)
    name = postgres_database.rpartition("/")[2]
    undone = postgres_server.run(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'")
    assert undone == [(0,)]


async def test_a_conversation_is_deleted_while_its_reply_is_written(database: Database, other: Database):
    """Each waits for the other's commit and no longer; the log is whole, and the reply is to be stopped."""
    run = await streaming(database)
    store = DatabaseLogStore(database)

    def delete(transaction: Transaction) -> list[Run]:
        DeletedRepository(transaction).delete(run.conversation_key, at=datetime.now(UTC))
        return RunRepository(transaction).cancel_all(run.conversation_key)

    async def append() -> None:
        for seq in range(1, 31):
            batch = [Append(run_id=run.id, attempt=1, records=(said(seq, "x"),))]
            assert await store.append(batch) == frozenset()

    _, stopping = await asyncio.gather(append(), other.write(delete, of=run.owner_id))
    assert [(one.id, one.cancel_requested) for one in stopping] == [(run.id, True)]
    assert [record.seq for record in await database.read(lambda t: RunRepository(t).log(run.id))] == list(
        range(1, 31)
    )


async def test_a_process_that_is_stopped_holds_nobody_up(database: Database, postgres_database: str):
    """SIGSTOP in the middle of a transaction: after the pause that a transaction may make its locks are
    gone. Awake again, it finds its connection ended, and does all of it anew."""
    owner = principal("ann")
    async with racer(postgres_database, "sleep") as sleeper:
        await sleeper.ready()
        sleeper.go()
        assert await sleeper.says() == "in the middle"
        sleeper.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(6):
                made = await database.write(lambda t: make_conversation(t, owner), of=owner.account_id)
            assert await database.read(lambda t: counted(t, "conversations")) == 1
        finally:
            sleeper.process.send_signal(signal.SIGCONT)
        assert await sleeper.says() == "in the middle"
        assert await sleeper.says() != made.id
    assert await database.read(lambda t: counted(t, "conversations")) == 2
