"""What is asked at each send, opening and letter typed is answered by indexes, however much there is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chatapp.domain.runs import Run
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.api_keys import ApiKeyRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.deleted import DeletedRepository, purge_part
from chatapp.storage.erasing import ErasureRepository, Leftover
from chatapp.storage.exports import ExportRepository
from chatapp.storage.feedback import FeedbackRepository
from chatapp.storage.logins import LoginRepository
from chatapp.storage.oversight import OversightRepository
from chatapp.storage.paging import PageRepository, Place
from chatapp.storage.runs import RunRepository
from chatapp.storage.search import SearchRepository
from chatapp.storage.security_events import SecurityEventRepository
from chatapp.storage.standings import StandingRepository
from chatapp.storage.trees import TreeRepository
from chatapp.storage.usage import UsageRepository
from chatapp.storage.waiting import WaitingRepository
from tests.storage.asked import asked
from tests.storage.made import streaming

NOW = datetime.now(UTC)
CALLS: dict[str, Callable[[Transaction, Run], object]] = {
    "get": lambda t, run: ConversationRepository(t).get(run.owner_id, "c"),
    "list": lambda t, run: ConversationRepository(t).listed(run.owner_id, archived=False, limit=50),
    "page": lambda t, run: PageRepository(t).after(run.owner_id, None, archived=False, limit=50),
    "next page": lambda t, run: PageRepository(t).after(
        run.owner_id, Place(created_at=NOW, id="c"), archived=False, limit=50
    ),
    "standing": lambda t, run: StandingRepository(t).of([run.conversation_key, 0]),
    "is generating": lambda t, run: RunRepository(t).is_generating(run.conversation_key),
    "feedback": lambda t, run: FeedbackRepository(t).of(run.owner_id, [run.message_id, "m"]),
    "give feedback": lambda t, run: FeedbackRepository(t).put(run.owner_id, run.message_id, None),
    "usage": lambda t, run: UsageRepository(t).since(run.owner_id, NOW.date()),
    "last model": lambda t, run: ConversationRepository(t).last_model(run.owner_id),
    "message": lambda t, run: ConversationRepository(t).message(run.owner_id, run.message_id),
    "branch": lambda t, run: ConversationRepository(t).branch(run.conversation_key, run.message_id, limit=60),
    "path": lambda t, run: TreeRepository(t).path(run.conversation_key, run.message_id),
    "children": lambda t, run: TreeRepository(t).children(run.conversation_key, ["a", "b"]),
    "roots": lambda t, run: TreeRepository(t).children(run.conversation_key, [None, "a", "b"]),
    "leaf": lambda t, run: TreeRepository(t).newest_leaf(run.conversation_key, run.message_id),
    "snapshots": lambda t, run: TreeRepository(t).snapshots(run.conversation_key, [run.message_id]),
    "client key": lambda t, run: RunRepository(t).by_client_key(run.owner_id, "k"),
    "unfinished": lambda t, _: RunRepository(t).unfinished(),
    "attempts": lambda t, _: RunRepository(t).attempts([]),
    "claim": lambda t, run: RunRepository(t).claim(run),
    "begin": lambda t, run: RunRepository(t).begin(run.id),
    "own run": lambda t, run: RunRepository(t).own(run.owner_id, run.id),
    "log": lambda t, run: RunRepository(t).log(run.id),
    "stop": lambda t, run: RunRepository(t).request_cancel(run.owner_id, run.message_id),
    "stop all": lambda t, run: RunRepository(t).cancel_all(run.conversation_key),
    "hold": lambda t, run: WaitingRepository(t, run.conversation_key).hold(),
    "lift": lambda t, run: WaitingRepository(t, run.conversation_key).lift("a", to="b"),
    "restore": lambda t, run: DeletedRepository(t).restore(run.owner_id, "c", since=NOW),
    "expired": lambda t, _: DeletedRepository(t).expired(before=NOW),
    "purge": lambda t, run: purge_part(t, run.conversation_key, most=10),
    "still expired": lambda t, run: DeletedRepository(t).purge(run.conversation_key, before=NOW, most=10),
    "stop all of somebody": lambda t, run: RunRepository(t).cancel_own(run.owner_id),
    "account": lambda t, run: AccountRepository(t).get(run.owner_id),
    "email": lambda t, _: AccountRepository(t).by_email("a@b"),
    "members": lambda t, _: AccountRepository(t).members(),
    "any member": lambda t, _: AccountRepository(t).has_members(),
    "admins": lambda t, run: AccountRepository(t).has_other_admin(run.owner_id),
    "new password": lambda t, run: AccountRepository(t).change_password(
        run.owner_id, old_hash="a", password_hash="b"
    ),
    "login": lambda t, _: LoginRepository(t).get("l"),
    "logins": lambda t, _: LoginRepository(t).get_all(["l", "m"]),
    "logins of one": lambda t, run: LoginRepository(t).of_account(run.owner_id),
    "gone logins": lambda t, _: LoginRepository(t).gone(["l", "m"]),
    "end a login": lambda t, run: LoginRepository(t).revoke_own(run.owner_id, "l", at=NOW),
    "end other logins": lambda t, run: LoginRepository(t).revoke_others(run.owner_id, but="l", at=NOW),
    "end all logins": lambda t, run: LoginRepository(t).revoke_all(run.owner_id, at=NOW),
    "key": lambda t, _: LoginRepository(t).by_hash("h"),
    "keys of one": lambda t, run: ApiKeyRepository(t).of_account(run.owner_id, at=NOW),
    "end a key": lambda t, run: ApiKeyRepository(t).revoke(run.owner_id, "k", at=NOW),
    "forget logins": lambda t, _: LoginRepository(t).forget(before=NOW, most=10),
    "forget security events": lambda t, _: SecurityEventRepository(t).forget(before=NOW, most=10),
    "stop a run": lambda t, run: RunRepository(t).cancel(run.id),
    "runs in flight": lambda t, _: OversightRepository(t).runs(limit=10),
    "named accounts": lambda t, run: OversightRepository(t).accounts([run.owner_id, "a"]),
    "erase": lambda t, run: ErasureRepository(t).begin(run.owner_id, at=NOW),
    "left of accounts": lambda t, _: ErasureRepository(t).leftover(),
    "purge account": lambda t, run: ErasureRepository(t).purge(Leftover(run.owner_id), most=10),
    "purge of account": lambda t, run: ErasureRepository(t).purge(
        Leftover(run.owner_id, run.conversation_key), most=10
    ),
    "anything to purge": lambda t, _: ErasureRepository(t).is_unfinished(),
    "export": lambda t, run: ExportRepository(t).conversation_keys(run.owner_id),
    "export one": lambda t, run: ConversationRepository(t).by_key(run.owner_id, run.conversation_key),
    "search": lambda t, run: SearchRepository(t).find(run.owner_id, ["two", "words"], limit=30),
}
TABLES = (
    "accounts|logins|ended_logins|security_events|conversations|messages|runs|run_events|run_logs|search_rows"
    "|feedback|usage_days"
)
#: All rows of a table, or all messages or runs that a conversation ever had, though a few are wanted.
TOO_MUCH = re.compile(
    rf"SCAN ({TABLES}|up|down|children|reply|asked|before)\b"
    r"|ix_messages_siblings \(conversation_key=\?\)|ix_runs_conversation_key"
    r"|uq_runs_client_key \(owner_id=\?\)"
)

#: All messages and runs of a conversation are to go, in pieces.
WANT_ALL = {"purge"}


def plan(transaction: Transaction, run: Run, name: str) -> list[str]:
    """The steps of SQLite's plan for each statement of a call."""
    with asked(transaction) as found:
        CALLS[name](transaction, run)
    return [
        row[3]
        for statement, parameters in found
        for row in transaction.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]


@pytest.mark.parametrize("name", CALLS)
async def test_no_question_reads_more_than_it_needs(database: Database, name: str):
    """By SQLite's plan, which is made without statistics and so does not change with the rows."""
    run = await streaming(database)
    steps = await database.write(lambda transaction: plan(transaction, run, name))
    assert steps
    too_much = [step for step in steps if TOO_MUCH.search(step)]
    assert [step for step in too_much if name not in WANT_ALL or step.startswith("SCAN")] == []


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("list", "ix_conversations_listed"),
        ("page", "ix_conversations_owner_created"),
        ("next page", "ix_conversations_owner_created"),
        ("usage", "PRIMARY KEY (owner_id=? AND day>?)"),
    ],
)
async def test_what_is_read_in_its_order(database: Database, name: str, index: str):
    """The first fifty of thousands are read, not all of them sorted."""
    run = await streaming(database)
    steps = await database.read(lambda transaction: plan(transaction, run, name))
    assert index in steps[0]
    assert not any("TEMP B-TREE" in step for step in steps)
