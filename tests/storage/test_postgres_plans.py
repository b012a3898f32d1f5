"""What is asked at each send, opening and letter typed costs PostgreSQL little, however much there is."""

from collections.abc import AsyncGenerator

import pytest

from chatapp.domain.runs import Run
from chatapp.storage.database import Database, Transaction
from chatapp.storage.leases import LeaseRepository
from tests.databases import change, rows
from tests.storage.asked import asked
from tests.storage.made import opened_database, streaming
from tests.storage.test_plans import CALLS

#: In PostgreSQL's own measure, where reading a page in its order costs 1. Each table below costs more.
LITTLE = 150
#: Walks from message to message; PostgreSQL thinks that each step has ten times the rows of the one before.
WALKS = {"branch": 700, "leaf": 350}
#: Somebody's own, read as a whole because all of it is wanted.
OWN = {"export", "usage", "members"}
QUESTIONS = CALLS | {
    "leases": lambda t, _: LeaseRepository(t).all(),
    "give back": lambda t, _: LeaseRepository(t).leave("w"),
}
EACH = "FROM generate_series(1, 12000) AS n"
OF = "CASE WHEN n % 2 = 0 THEN 'one' ELSE 'a' || n % 4000 END"
#: One person has half of all, thousands have the other half.
FILLING = (
    "ALTER TABLE messages DISABLE TRIGGER USER",
    "ALTER TABLE conversations DISABLE TRIGGER USER",
    f"""INSERT INTO accounts (id, kind, email, created_at)
        SELECT CASE n WHEN 12000 THEN 'one' ELSE 'a' || n END, 'guest',
            CASE n % 10 WHEN 0 THEN 'a' || n || '@example.org' END, now() - n * interval '1 minute' {EACH}""",
    f"""INSERT INTO logins (id, account_id, token_hash, created_at, expires_at, last_seen_at)
        SELECT 'l' || n, 'a' || n % 4000 + 1, 'h' || n, now(), now() + n * interval '1 minute', now()
        {EACH}""",
    f"INSERT INTO ended_logins SELECT 'g' || n, now() + n * interval '1 minute' {EACH}",
    f"""INSERT INTO security_events (at, kind, account_id, actor_id, address, detail)
        SELECT now() - n * interval '1 minute', 'logged_in', 'a1', 'a1', '', '' {EACH}""",
    f"""INSERT INTO conversations (id, owner_id, title, model, deleted_at, created_at, updated_at)
        SELECT 'c' || n, {OF.replace("4000", "4000 + 1")}, 'Title', 'm',
            CASE n % 50 WHEN 0 THEN now() END, now() - n * interval '1 minute', now() {EACH}""",
    """INSERT INTO messages (id, conversation_key, owner_id, parent_id, role, status, parts, seq, model,
            input_tokens, output_tokens, left_out, created_at)
        SELECT 'm-' || n, key, owner_id, CASE WHEN n > 6000 THEN 'm-' || n - 1 END, 'user', 'complete',
            '[]', 0, '', 0, 0, 0, now() - n * interval '1 minute'
        FROM generate_series(1, 12000) AS n
        JOIN conversations ON conversations.id = 'c' || CASE WHEN n > 6000 THEN 7 ELSE n END""",
    """INSERT INTO runs (id, conversation_key, owner_id, message_id, user_message_id, model, status, attempt,
            cancel_requested, client_key, client_digest, created_at)
        SELECT 'r' || id, conversation_key, owner_id, id, 'u', 'm', 'complete', 1, false, id, '', created_at
        FROM messages WHERE id LIKE 'm-%'""",
    "INSERT INTO run_logs SELECT id, repeat('a record ', 20) FROM runs WHERE id LIKE 'rm-%'",
    "INSERT INTO run_events SELECT id, 1, 0, 'chunk', repeat('a record ', 20) FROM runs WHERE id LIKE 'rm-%'",
    "INSERT INTO feedback SELECT id, owner_id, 'good', '', now() FROM messages",
    """INSERT INTO usage_days (owner_id, day, model, runs, input_tokens, output_tokens)
        SELECT id, '2026-01-01', model, 1, 1, 1 FROM accounts, unnest(ARRAY['m', 'n', 'o']) AS model""",
    "INSERT INTO search_rows (message_id) SELECT id FROM messages WHERE id LIKE 'm-%'",
    """INSERT INTO search_index
        SELECT search_rows.key, owner_id, 'm', words, search_vector('m', owner_id, words)
        FROM search_rows JOIN messages ON messages.id = search_rows.message_id,
            LATERAL (SELECT ' two words of m ' || seq || ' ' AS words) AS said
        WHERE messages.id LIKE 'm-%'""",
    "ALTER TABLE messages ENABLE TRIGGER USER",
    "ALTER TABLE conversations ENABLE TRIGGER USER",
    "ANALYZE",
)
FILLED = ("accounts", "logins", "conversations", "messages", "runs", "run_events", "run_logs", "search_index")


@pytest.fixture
async def database(postgres_database: str) -> AsyncGenerator[Database]:
    async with opened_database(postgres_database) as opened:
        yield opened


async def test_no_question_reads_more_than_it_needs(database: Database, postgres_database: str):
    """By PostgreSQL's own plans for filled tables, with the statistics that it makes of them."""
    run = await streaming(database)
    change(postgres_database, *FILLING)
    for table in FILLED:
        ((plan,),) = rows(postgres_database, f"EXPLAIN (FORMAT JSON) SELECT * FROM {table}")
        assert plan[0]["Plan"]["Total Cost"] > LITTLE, f"{table} is too small to tell"
    costs = {name: await database.write(lambda t, name=name: _cost(t, run, name)) for name in QUESTIONS}
    dear = {name: cost for name, cost in costs.items() if cost > WALKS.get(name, LITTLE)}
    assert {name: cost for name, cost in dear.items() if name not in OWN} == {}


def _cost(transaction: Transaction, run: Run, name: str) -> float:
    """Of the dearest of its statements; all that was done is undone."""
    undone = transaction.begin_nested()
    with asked(transaction) as found:
        QUESTIONS[name](transaction, run)
    plans = [
        transaction.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
        for statement, parameters in found
    ]
    undone.rollback()
    return max((plan[0]["Plan"]["Total Cost"] for plan in plans), default=0.0)
