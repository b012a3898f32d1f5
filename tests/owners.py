"""Whether a write that declared an owner (`Database.write(work, of=…)`) touched anybody else's rows.

On PostgreSQL each row that is written is noted by a trigger, with its owner and the locks under which it was:
each migrated database of the tests' own is watched, and each test that had one ends with the question.
"""

from contextlib import closing
from typing import Final
from zlib import crc32

import psycopg

from chatapp.storage.postgres import ALL_WRITES

_OF_RUN: Final = "(SELECT owner_id FROM runs WHERE id = ($1).run_id)"
#: Whose a row is. The audit log and the logins of those who are gone are nobody's.
OWNERS: Final = {
    "accounts": "($1).id",
    "logins": "($1).account_id",
    "conversations": "($1).owner_id",
    "messages": "($1).owner_id",
    "runs": "($1).owner_id",
    "run_events": _OF_RUN,
    "run_logs": _OF_RUN,
    "feedback": "($1).account_id",
    "usage_days": "($1).owner_id",
}

# Nothing is noted of a write that is alone (it has one lock, for all), and of one without locks (the log's).
_NOTE: Final = f"""
CREATE FUNCTION watched.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := current_setting('watched.held', true);
    whose text;
BEGIN
    IF coalesce(held, '') = '' THEN  -- the transaction's first row: its locks came with its BEGIN
        SELECT coalesce(array_agg(objid::bigint), '{{}}')::text INTO held FROM pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND classid = {ALL_WRITES} AND objsubid = 2;
        PERFORM set_config('watched.held', held, true);
    END IF;
    IF held <> '{{}}' THEN
        EXECUTE 'SELECT ' || TG_ARGV[0] INTO whose USING coalesce(NEW, OLD);
        INSERT INTO watched.writes VALUES (TG_OP || ' ' || TG_TABLE_NAME, whose, held::bigint[]);
    END IF;
    RETURN NULL;
END $$"""


def watch(url: str) -> None:
    """From now on each write to this database is noted."""
    with closing(psycopg.connect(url)) as connection, connection:
        connection.execute("CREATE SCHEMA watched")
        connection.execute("CREATE TABLE watched.writes (what text, owner text, held bigint[])")
        connection.execute(_NOTE.encode())
        for table, owner in OWNERS.items():
            connection.execute(
                f"CREATE TRIGGER zz_watched AFTER INSERT OR UPDATE OR DELETE ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION watched.note('{owner}')".encode()
            )


def noted(url: str) -> list[tuple[str, str]]:
    """What writes of one owner did, to whose rows."""
    return [(what, owner) for what, owner, _ in _writes(url)]


def of_others(url: str) -> list[tuple[str, str]]:
    """Those to rows of somebody else than the write had declared."""
    return [(what, owner) for what, owner, held in _writes(url) if _key(owner) not in held]


def forget(url: str) -> None:
    """What was noted until now."""
    with closing(psycopg.connect(url)) as connection, connection:
        connection.execute("TRUNCATE watched.writes")


def _key(owner: str) -> int:
    return (crc32(owner.encode()) - (1 << 31)) % (1 << 32)


def _writes(url: str) -> list[tuple[str, str, list[int]]]:
    with closing(psycopg.connect(url)) as connection:
        return connection.execute(
            "SELECT DISTINCT what, owner, held FROM watched.writes WHERE owner IS NOT NULL"
        ).fetchall()
