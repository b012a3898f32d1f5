"""What repositories promise: guarded claims, owners in every query, walks that cost what they show."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from chatapp.domain.conversations import Conversation
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, Status, TextPart
from chatapp.domain.runs import Run
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.deleted import DeletedRepository
from chatapp.storage.runs import RunRepository
from tests.databases import sqlite_only
from tests.storage.made import (
    claimed,
    make_conversation,
    make_run,
    principal,
    queued,
    streaming,
)


async def get(database: Database, run: Run) -> Run | None:
    return await database.read(lambda transaction: RunRepository(transaction).get(run.id))


async def test_of_many_claims_one_wins(database: Database):
    """A claim is a guarded flip: of ten that saw the same run, one has it, and the attempt counts by one."""
    run = await queued(database)
    won = await asyncio.gather(
        *(database.write(lambda transaction: RunRepository(transaction).claim(run)) for _ in range(10))
    )
    assert sum(won) == 1
    found = await get(database, run)
    assert found
    assert (found.attempt, found.status) == (1, Status.STREAMING)


async def test_what_has_ended_is_not_claimed(database: Database):
    """Neither a run that nobody knows nor one that is over."""
    unknown = replace(await queued(database), id=new_id())
    assert not await database.write(lambda transaction: RunRepository(transaction).claim(unknown))


async def test_a_turn_is_not_claimed_before_the_one_before_it_has_ended(database: Database):
    """Whatever order a queue has: the branch says what comes first. One to be stopped need not wait."""

    def two_turns(transaction: Transaction) -> tuple[Run, Run]:
        conversation = make_conversation(transaction, principal())
        first = make_run(transaction, conversation)
        return first, make_run(transaction, conversation, after=first.message_id)

    first, second = await database.write(two_turns)

    async def claim(run: Run) -> bool:
        return await database.write(lambda transaction: RunRepository(transaction).claim(run))

    assert not await claim(second)
    assert await claim(first)
    assert not await claim(second)
    await database.write(lambda t: RunRepository(t).request_cancel(second.owner_id, second.message_id))
    assert await claim(second)


async def test_a_run_comes_back_as_it_was_stored(database: Database):
    """Every field, times in UTC."""
    run = await queued(database)
    assert await get(database, run) == run
    taken = await claimed(database, run)
    assert await get(database, taken) == taken


async def test_unfinished_runs_are_found_oldest_first(database: Database):
    """So that recovery after a crash keeps the order in which people sent."""
    runs = [await queued(database, owner=f"o{number}") for number in range(5)]
    await claimed(database, runs[2])
    found = await database.read(lambda transaction: RunRepository(transaction).unfinished())
    assert [run.id for run in found] == [run.id for run in sorted(runs, key=lambda r: (r.created_at, r.id))]


async def test_a_stop_is_noted_for_the_owner_s_unfinished_run_only(database: Database):
    """Another owner's stop finds nothing and notes nothing."""
    run = await streaming(database)

    for owner, found in (("ben", False), ("ann", True)):
        owner_id = principal(owner).account_id
        noted = await database.write(
            lambda t, owner_id=owner_id: RunRepository(t).request_cancel(owner_id, run.message_id)
        )
        assert (noted is not None) is found
        stored = await get(database, run)
        assert stored
        assert stored.cancel_requested is found


async def test_a_conversation_is_its_owner_s(database: Database):
    """By its id, in the list, and for changes: somebody else finds nothing."""
    ann, ben = principal("ann"), principal("ben")
    mine = await database.write(lambda transaction: make_conversation(transaction, ann))

    def look(transaction: Transaction, owner: str) -> tuple[Conversation | None, int]:
        conversations = ConversationRepository(transaction)
        return conversations.get(owner, mine.id), len(conversations.listed(owner, archived=False, limit=9))

    assert await database.read(lambda transaction: look(transaction, ann.account_id)) == (mine, 1)
    assert await database.read(lambda transaction: look(transaction, ben.account_id)) == (None, 0)
    changed = await database.write(
        lambda transaction: ConversationRepository(transaction).change(ben.account_id, mine.id, pinned=True)
    )
    assert changed is None
    assert (await database.read(lambda transaction: look(transaction, ann.account_id)))[0] == mine


def _chain(transaction: Transaction, length: int) -> tuple[Conversation, list[str]]:
    conversation = make_conversation(transaction, principal())
    ids: list[str] = []
    for number in range(length):
        message = Message(
            id=new_id(),
            role=Role.USER,
            created_at=datetime.now(UTC) + timedelta(seconds=-number),
            parent_id=ids[-1] if ids else None,
            parts=(TextPart(text=str(number)),),
        )
        ConversationRepository(transaction).add_message(conversation, message)
        ids.append(message.id)
    return conversation, ids


async def test_a_branch_ends_where_asked_and_is_as_long_as_asked(database: Database):
    """The order is the tree's, whatever the clocks said; no leaf is no branch."""
    conversation, ids = await database.write(lambda transaction: _chain(transaction, 12))

    async def branch(leaf: str | None, limit: int) -> list[str]:
        found = await database.read(
            lambda transaction: ConversationRepository(transaction).branch(
                conversation.key, leaf, limit=limit
            )
        )
        return [snapshot.message.id for snapshot in found]

    assert await branch(ids[-1], 100) == ids
    assert await branch(ids[-1], 5) == ids[-5:]
    assert await branch(ids[3], 100) == ids[:4]
    assert await branch(None, 5) == []
    assert await branch("gone", 5) == []


async def test_a_branch_does_not_leave_its_conversation(database: Database):
    """A leaf of another conversation is not found in this one."""
    one, ids = await database.write(lambda transaction: _chain(transaction, 2))
    other = await database.write(lambda transaction: make_conversation(transaction, principal("ben")))
    found = await database.read(
        lambda transaction: ConversationRepository(transaction).branch(other.key, ids[-1], limit=5)
    )
    assert list(found) == []
    assert one.key != other.key


async def test_a_key_stands_for_one_request_of_its_owner(database: Database):
    """Two writers with the same key: the database itself keeps the second one out."""

    def twice(transaction: Transaction) -> None:
        conversation = make_conversation(transaction, principal())
        for _ in range(2):
            run = replace(make_run(transaction, conversation), id=new_id(), message_id=new_id())
            RunRepository(transaction).add(run, user_message_id="u", client_key="same", client_digest="")

    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(twice)
    assert not await database.read(lambda transaction: RunRepository(transaction).unfinished())


@sqlite_only
async def test_runs_that_ended_are_not_read_to_find_the_others(database: Database):
    """The ticker asks for unfinished runs twenty times a second: the index of the unfinished answers."""
    await queued(database)

    def plans(transaction: Transaction) -> list[str]:
        seen: list[str] = []
        event.listen(
            transaction, "before_cursor_execute", lambda *args: seen.append(str(args[2])), named=False
        )
        runs = RunRepository(transaction)
        runs.attempts([])
        runs.unfinished()
        ConversationRepository(transaction).listed(principal().account_id, archived=False, limit=5)
        asked = [(one, one.count("?")) for one in seen]
        return [
            str(row[3])
            for one, count in asked
            for row in transaction.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", ("1",) * count)
            if "runs" in row[3] or "conversations" in row[3]
        ]

    found = await database.read(plans)
    assert len([one for one in found if "ix_runs_unfinished" in one]) == 3, found
    assert not [one for one in found if one.startswith("SCAN")], found


async def test_a_long_conversation_is_purged_in_pieces(database: Database):
    """So that others can write in between; it counts as gone with the last of them, and nothing is left."""

    def deleted(transaction: Transaction) -> None:
        conversation = make_conversation(transaction, principal())
        for number in range(25):
            message = Message(
                id=new_id(), role=Role.USER, created_at=datetime.now(UTC), parts=(TextPart(text=str(number)),)
            )
            ConversationRepository(transaction).add_message(conversation, message)
        DeletedRepository(transaction).delete(conversation.key, at=datetime.now(UTC))

    def purged(transaction: Transaction) -> tuple[int | None, int]:
        deleted, before = DeletedRepository(transaction), datetime.now(UTC)
        one = deleted.expired(before=before)
        gone = deleted.purge(one.key, before=before, most=10) if one else None
        return gone, transaction.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()

    await database.write(deleted)
    steps = [await database.write(purged) for _ in range(4)]
    assert steps == [(0, 15), (0, 5), (1, 0), (None, 0)]
    for table in ("conversations", "search_rows", "search_index"):
        count = f"SELECT count(*) FROM {table}"
        assert await database.read(lambda t, count=count: t.exec_driver_sql(count).scalar_one()) == 0
