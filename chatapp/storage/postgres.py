"""PostgreSQL: a few lanes for each process, and locks that keep all processes' writes in order.

Works were written for SQLite's one writer: they look first and write then. So whoever writes takes advisory
locks with its BEGIN, which end with the transaction: one that all share and one of the owner's own, or, when
no owner is named, the first one alone for itself. After that each statement sees what was committed before.

Behind a pooler (PgBouncer) each transaction may be on another of the server's connections, which others use
before and after: then settings are the transaction's, and nothing is prepared.

A process that stops in mid-transaction (a debugger, a frozen machine) keeps its locks until the server ends
its connection, after `IDLE_TIMEOUT_MS`.
"""

import os
import socket
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread
from typing import Any, Final
from zlib import crc32

import psycopg
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from typing_extensions import override

from chatapp.domain.errors import StorageFull, Unavailable
from chatapp.storage.lane import Lane

#: A statement of ours takes milliseconds; one that waits for a lock gives up when SQLite's would too.
LOCK_TIMEOUT_MS = 8_000
#: Longer than any wait for a lock, so that what is said of it is that.
STATEMENT_TIMEOUT_MS: Final = 15_000
#: Between two statements of a transaction we take microseconds: whoever takes longer holds up all others.
IDLE_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_S: Final = 5
#: Nothing is heard of a transaction that began so long ago: a statement would have been ended before.
LONGEST_TRANSACTION = timedelta(seconds=20)
#: A connection that nobody needs is closed by us and, where the server is not told (a firewall has forgotten
#: it), by the server: or each such interruption would leave ten there, until it takes no more.
KEPT_UNUSED = timedelta(minutes=1)
IDLE_SESSION_TIMEOUT_MS: Final = 120_000
#: Owners are spread over these; an owner is always in the same one, and so are the owner's writes in order.
OWNER_LANES: Final = 4
READ_LANES: Final = 3
#: The advisory lock that all writes share, and the first half of the owners' own: any number that no other
#: program with a database here uses.
ALL_WRITES: Final = 0x63686174
_SETTINGS: Final = {
    "timezone": "'UTC'",
    "lock_timeout": LOCK_TIMEOUT_MS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    "idle_session_timeout": IDLE_SESSION_TIMEOUT_MS,
    # Compiling a statement takes longer than any of ours.
    "jit": "off",
}
_IS_POOLED: Final = "is pooled"

#: The server undid the transaction for sure: two that waited for each other, or one that slept for too long.
_UNDONE: Final = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
#: Not our statements' fault; the second is a server that became a standby.
_AWAY: Final = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.InterfaceError,
)


class PostgresLanes:
    """The lanes of a database, `postgresql://…`. Each has a connection of its own once it is used."""

    def __init__(self, url: str) -> None:
        engine = _engine(url)
        self._reads: list[Lane] = [
            _lane(engine, f"db-read-{number}", _begin_reading) for number in range(READ_LANES)
        ]
        self._owners: list[Lane] = [
            _lane(engine, f"db-write-{number}", _begin_for_owners) for number in range(OWNER_LANES)
        ]
        self._alone: Lane = _lane(engine, "db-write", _begin_for_all)
        self._appends: Lane = _lane(engine, "db-append", _begin)
        self._schema: Lane = _lane(engine, "db-schema", _begin_unhurried)
        self._closed: Event = Event()
        self._watch: Thread = Thread(target=self._end_silence, name="db-watch", daemon=True)
        self._watch.start()

    def reading(self) -> Lane:
        """The one with the fewest before it."""
        return min(self._reads, key=lambda lane: lane.load)

    def writing(self, of: str) -> Lane:
        """An owner's own, or that of the writes which suffer no others."""
        return self._owners[crc32(of.encode()) % OWNER_LANES] if of else self._alone

    def appending(self) -> Lane:
        """Where the log goes, past all others."""
        return self._appends

    def changing_schema(self) -> Lane:
        """As for writes that suffer no others, and with all the time in the world."""
        return self._schema

    def close(self) -> None:
        """Waits for the works that were handed in."""
        for lane in (*self._hurried(), self._schema):
            lane.close()
        self._closed.set()
        self._watch.join()

    def _hurried(self) -> Sequence[Lane]:
        return (*self._reads, *self._owners, self._alone, self._appends)

    def _end_silence(self) -> None:
        """A server that says nothing any more, though its machine or a proxy takes what is sent, would be
        waited for for ever. What befell one connection befell all: each would be waited for in turn."""
        while not self._closed.wait(1):
            ended = [lane for lane in self._hurried() if lane.end_after(LONGEST_TRANSACTION, _hang_up)]
            if ended:
                for lane in (*self._hurried(), self._schema):
                    lane.renew()


class _TextDumper(StrDumperUnknown):
    """PostgreSQL has no NUL in its texts. What is looked for with one is then not found, and no error."""

    @override
    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


def _engine(url: str) -> Engine:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        # Each lane keeps its own connection.
        poolclass=NullPool,
        # What people write is among the parameters, and an error's text goes to the log.
        hide_parameters=True,
        use_native_hstore=False,
        connect_args={
            "application_name": "chatapp",
            "connect_timeout": CONNECT_TIMEOUT_S,
            # A server that is gone without a word is noticed within this, and not when the kernel gives up.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
        },
    )

    @event.listens_for(engine, "connect")
    def configure(connection: psycopg.Connection[Any], record: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is a round trip of its own; ours takes the locks too.
        connection.autocommit = True
        connection.adapters.register_dumper(str, _TextDumper)
        if _is_pooled(connection):
            # What another client prepared under a name of ours would be executed in its place.
            connection.prepare_threshold = None
            record.info[_IS_POOLED] = True
        else:
            connection.execute(_settings("SET"), prepare=False)

    return engine


def _is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Whether who answers is not who was connected to: a pooler makes the process's number up."""
    found = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return found is None or found[0] != connection.info.backend_pid


def _settings(how: str) -> bytes:
    return ";".join(f"{how} {name} = {value}" for name, value in _SETTINGS.items()).encode()


def _lane(engine: Engine, name: str, begin: Any) -> Lane:
    return Lane(
        engine,
        name=name,
        begin=begin,
        translated=_translated,
        is_passing=_is_passing,
        most=1,
        idle=KEPT_UNUSED,
    )


def _hang_up(connection: Connection) -> None:
    """Whoever reads from the server reads the end of the line."""
    with suppress(Exception):  # it has just ended by itself, in one way or another
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _begin_reading(connection: Connection, _owners: Collection[str]) -> None:
    _execute(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "")


def _begin(connection: Connection, _owners: Collection[str]) -> None:
    _execute(connection, "BEGIN", "")


def _begin_for_all(connection: Connection, _owners: Collection[str]) -> None:
    _execute(connection, "BEGIN", f"SELECT pg_advisory_xact_lock({ALL_WRITES})")


def _begin_for_owners(connection: Connection, owners: Collection[str]) -> None:
    # In one order for all, or two would wait for each other.
    keys = sorted({crc32(owner.encode()) - (1 << 31) for owner in owners})
    locks = ", ".join(f"pg_advisory_xact_lock({ALL_WRITES}, {key})" for key in keys)
    _execute(connection, "BEGIN", f"SELECT pg_advisory_xact_lock_shared({ALL_WRITES}), {locks}")


def _begin_unhurried(connection: Connection, owners: Collection[str]) -> None:
    _execute(
        connection,
        "BEGIN",
        "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0;"
        "SET LOCAL idle_in_transaction_session_timeout = 0;"
        f"SELECT pg_advisory_xact_lock({ALL_WRITES})",
    )


def _execute(connection: Connection, begin: str, then: str) -> None:
    """Several statements in one round trip, which the driver must not prepare."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    settings = _settings("SET LOCAL") if _IS_POOLED in connection.info else b""
    try:
        driver.execute(b";".join((begin.encode(), settings, then.encode())), prepare=False)
    except psycopg.Error as error:
        raise OperationalError(begin, None, error, connection_invalidated=driver.broken) from error


def _is_passing(error: BaseException, committing: bool) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    # Nobody knows what became of a commit whose answer was lost.
    return isinstance(error.orig, _UNDONE) or (error.connection_invalidated and not committing)


def _translated(error: BaseException) -> BaseException:
    """The database's errors as those that a person can be shown; other faults of our statements stay."""
    if not isinstance(error, DBAPIError) or not (
        error.connection_invalidated or isinstance(error.orig, _AWAY)
    ):
        return error
    is_full = isinstance(error.orig, psycopg.errors.DiskFull) or "No space" in str(error.orig)
    translated = StorageFull() if is_full else Unavailable()
    translated.__cause__ = error
    return translated
