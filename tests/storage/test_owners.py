"""The check that ends each test on PostgreSQL: a write of one owner touches nobody else's rows."""

from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database
from tests.databases import postgres_only
from tests.owners import forget, noted, of_others
from tests.storage.made import claimed, make_conversation, make_run, principal

ANN, BOB = principal("ann"), principal("bob")


@postgres_only
async def test_who_touches_another_s_rows_is_found(database: Database, database_url: str):
    """In a write that declared somebody; not in one that is alone."""
    run = await database.write(lambda t: make_run(t, make_conversation(t, ANN)))
    await claimed(database, run)
    assert noted(database_url) == []
    await database.write(lambda t: AccountRepository(t).change(ANN.account_id, name="Ann"), of=BOB.account_id)
    assert of_others(database_url) == [("UPDATE accounts", ANN.account_id)]
    forget(database_url)


@postgres_only
async def test_what_is_their_own_is_no_fault(database: Database, database_url: str):
    """Each kind of row is noted with its owner."""
    await database.write(lambda t: make_run(t, make_conversation(t, ANN)), of=ANN.account_id)
    written = {what.removeprefix("INSERT ") for what, owner in noted(database_url) if owner == ANN.account_id}
    assert {"accounts", "logins", "conversations", "messages", "runs"} <= written
    assert of_others(database_url) == []
