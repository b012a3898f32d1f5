"""Runs, their attempts and their logs. Every write of a run carries its attempt (fencing)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    String,
    TextClause,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.functions import coalesce

from chatapp.domain.event_codec import dump_event, from_ms, load_event, to_ms
from chatapp.domain.events import Logged
from chatapp.domain.log import Ending
from chatapp.domain.messages import Status
from chatapp.domain.runs import Run
from chatapp.domain.security_events import SecurityEvent, SecurityEventKind
from chatapp.storage.codec import dump_log, dump_options, load_log, message_columns, run_of
from chatapp.storage.security_events import SecurityEventRepository
from chatapp.storage.tables import CONVERSATIONS, EVENTS, LOGS, MESSAGES, RUNS, WORKERS
from chatapp.storage.usage import add_usage

# Statements are built once: to build one costs several times as much as to run it.
_runs, _events = RUNS.c, EVENTS.c
#: The words of the partial index: with parameters in their place SQLite would read all runs that ever were.
UNFINISHED = text("runs.status IN ('queued', 'streaming')")
#: The unfinished runs of a conversation are looked for among the few unfinished ones, whichever conversations
#: they are of: with a condition that an index could serve, SQLite would read all that were ever made in this.
IN_CONVERSATION = and_(_runs.conversation_key + 0 == bindparam("in_key"), UNFINISHED)
#: The conversations in which a reply is queued or being made.
GENERATING = select(_runs.conversation_key).where(UNFINISHED)
#: The `former_id` of a conversation that was deleted from its beginning. No conversation has this id.
UNSEEN = ""
_owner: BindParameter[str] = bindparam("owner")
_id: BindParameter[str | int] = bindparam("wanted")
_held: BindParameter[int] = bindparam("held")

_ADD = insert(RUNS)
_BY_CLIENT_KEY = (
    # What was put aside goes by the id that the client knows.
    select(RUNS, coalesce(CONVERSATIONS.c.former_id, CONVERSATIONS.c.id).label("conversation_id"))
    .join(CONVERSATIONS, CONVERSATIONS.c.key == _runs.conversation_key)
    .where(_runs.owner_id == _owner, _runs.client_key == _id)
)
_OWN = (
    select(RUNS, CONVERSATIONS.c.id.label("conversation_id"))
    .join(CONVERSATIONS, CONVERSATIONS.c.key == _runs.conversation_key)
    .where(
        _runs.owner_id == _owner,
        _runs.id == _id,
        or_(CONVERSATIONS.c.deleted_at.is_(None), CONVERSATIONS.c.former_id == UNSEEN),
    )
)
_GET = select(RUNS).where(_runs.id == _id)
_ALL_UNFINISHED = select(RUNS).where(UNFINISHED).order_by(_runs.created_at, _runs.id)
_IS_GENERATING = select(literal(1)).select_from(RUNS).where(IN_CONVERSATION).limit(1)


def _cancel(*where: ColumnElement[bool] | TextClause) -> ReturningUpdate[Any]:
    """Marks several, in one order for all: a step of the log holds several too."""
    held = select(_runs.id).where(*where).order_by(_runs.id).with_for_update()
    return update(RUNS).where(_runs.id.in_(held)).values(cancel_requested=True).returning(*_runs)


_CANCEL_ALL = _cancel(IN_CONVERSATION)
#: Among the few unfinished runs of everybody, not all that were ever made for this owner.
_CANCEL_OWN = _cancel(_runs.owner_id.concat("") == _owner, UNFINISHED)
_CANCEL = update(RUNS).where(_runs.id == _id, UNFINISHED).values(cancel_requested=True).returning(*_runs)
_REQUEST_CANCEL = (
    update(RUNS)
    .where(_runs.owner_id == _owner, _runs.message_id == _id, UNFINISHED)
    .values(cancel_requested=True)
    .returning(*_runs)
)
_UPDATE_HELD = update(RUNS).where(_runs.id == _id, _runs.attempt == _held, UNFINISHED).returning(_runs.id)
_reply, _asked, _before = (MESSAGES.alias(name) for name in ("reply", "asked", "before"))
_waits = (
    select(literal(1))
    .select_from(
        _reply.join(_asked, _asked.c.id == _reply.c.parent_id).join(
            _before, _before.c.id == _asked.c.parent_id
        )
    )
    .where(_reply.c.id == _runs.message_id, _before.c.status.in_(["queued", "streaming"]))
    .exists()
)
_may_begin = or_(_runs.cancel_requested, ~_waits)
_me: BindParameter[str] = bindparam("me", type_=String)
#: Nobody who is there makes it: whoever died over it has no lease any more. A worker without a name is the
#: only one.
_is_free = or_(
    _me == "",
    _runs.worker == _me,
    ~select(literal(1)).select_from(WORKERS).where(WORKERS.c.name == _runs.worker).exists(),
)
_CLAIM = _UPDATE_HELD.where(_may_begin, _is_free)
_BEGIN = (
    update(RUNS)
    .where(_runs.id == _id, _runs.attempt == 0, UNFINISHED, _may_begin)
    .values(status=Status.STREAMING.value, attempt=1, worker=_me)
    .returning(*_runs)
)
_ENDED_SO = select(literal(1)).where(
    _runs.id == _id, _runs.attempt == _held, _runs.ended_at == bindparam("at")
)
_other = RUNS.alias("other")
_being_made = (
    select(func.count())
    .select_from(_other)
    .where(
        # By the partial index: among the few unfinished ones, not all that were ever made for this owner.
        text("other.status IN ('queued', 'streaming')"),
        _other.c.status == Status.STREAMING.value,
        _other.c.owner_id.concat("") == _runs.owner_id,
    )
    .scalar_subquery()
)
_BEGIN_WITHIN = _BEGIN.where(or_(_runs.cancel_requested, _being_made < bindparam("most")))
_UPDATE_MESSAGE = update(MESSAGES).where(MESSAGES.c.id == _id)
_ATTEMPTS = select(_runs.id, _runs.attempt).where(UNFINISHED)
#: In one order for all: two that hold several rows must not wait for each other.
_ATTEMPTS_HELD = (
    _ATTEMPTS.where(_runs.id == any_(bindparam("ids", type_=ARRAY(String))))
    .order_by(_runs.id)
    .with_for_update(read=True)
)
_APPEND = insert(EVENTS)
#: On PostgreSQL all rows in one statement, which takes two thirds of the time. Whoever lost the connection
#: during a commit asks again, and may find them there.
_APPEND_ARRAYS = text(
    """
INSERT INTO run_events (run_id, seq, at_ms, kind, data)
SELECT * FROM unnest(:run_id, :seq, :at_ms, :kind, :data) ON CONFLICT (run_id, seq) DO NOTHING
"""
).bindparams(*(bindparam(column.name, type_=ARRAY(column.type)) for column in _events))
_COMPACTED = select(LOGS.c.data).where(LOGS.c.run_id == _id)
_RECORDS = (
    select(_events.seq, _events.at_ms, _events.kind, _events.data)
    .where(_events.run_id == _id, _events.seq > bindparam("after"))
    .order_by(_events.seq)
)
#: Owners in turn, each owner's runs by age, as the workers' queues have it.
_PLACE = text(
    """
    SELECT place FROM (
        SELECT id, row_number() OVER (ORDER BY turn, first_at, owner_id) AS place FROM (
            SELECT id, owner_id,
                   row_number() OVER (PARTITION BY owner_id ORDER BY created_at, id) AS turn,
                   min(created_at) OVER (PARTITION BY owner_id) AS first_at
            FROM runs WHERE status IN ('queued', 'streaming') AND status = 'queued'
        ) AS turns
    ) AS places WHERE id = :wanted
    """
)
_ADD_LOG = insert(LOGS)
_DELETE_EVENTS = delete(EVENTS).where(_events.run_id == _id)
_TOUCH = update(CONVERSATIONS).where(CONVERSATIONS.c.key == bindparam("in_key"))


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRun:
    """A run, and what it belongs to."""

    run: Run
    user_message_id: str
    conversation_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRequest(OwnRun):
    """What a client's key was used for before."""

    digest: str


class RunRepository:
    """Runs and logs within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def add(self, run: Run, *, user_message_id: str, client_key: str, client_digest: str) -> None:
        """A queued run."""
        self._transaction.execute(
            _ADD,
            {
                "id": run.id,
                "conversation_key": run.conversation_key,
                "owner_id": run.owner_id,
                "message_id": run.message_id,
                "user_message_id": user_message_id,
                "model": run.model,
                "status": run.status.value,
                "attempt": run.attempt,
                "cancel_requested": run.cancel_requested,
                "continues": run.continues,
                "options": dump_options(run.options),
                "client_key": client_key,
                "client_digest": client_digest,
                "created_at": run.created_at,
            },
        )

    def by_client_key(self, owner_id: str, client_key: str) -> KeptRequest | None:
        """The request that this key stands for."""
        row = self._transaction.execute(_BY_CLIENT_KEY, {"owner": owner_id, "wanted": client_key}).first()
        if row is None:
            return None
        return KeptRequest(
            run=run_of(row),
            user_message_id=row.user_message_id,
            conversation_id=row.conversation_id,
            digest=row.client_digest,
        )

    def own(self, owner_id: str, run_id: str) -> OwnRun | None:
        """The owner's run, while its conversation is not deleted, or where nobody was ever to see that."""
        row = self._transaction.execute(_OWN, {"owner": owner_id, "wanted": run_id}).first()
        if row is None:
            return None
        return OwnRun(
            run=run_of(row), user_message_id=row.user_message_id, conversation_id=row.conversation_id
        )

    def get(self, run_id: str) -> Run | None:
        """The run, whoever owns it: for the engine only."""
        row = self._transaction.execute(_GET, {"wanted": run_id}).first()
        return run_of(row) if row else None

    def unfinished(self) -> list[Run]:
        """All runs that still have to end, the oldest first."""
        return [run_of(row) for row in self._transaction.execute(_ALL_UNFINISHED)]

    def place(self, run_id: str) -> int | None:
        """The run's place among all that wait, 1 for the next; None when it does not wait."""
        return self._transaction.scalar(_PLACE, {"wanted": run_id})

    def request_cancel(self, owner_id: str, message_id: str) -> Run | None:
        """Marks the owner's unfinished run of this message; None when there is none."""
        row = self._transaction.execute(_REQUEST_CANCEL, {"owner": owner_id, "wanted": message_id}).first()
        return run_of(row) if row else None

    def cancel_all(self, conversation_key: int) -> list[Run]:
        """Marks all unfinished runs of a conversation."""
        return [run_of(row) for row in self._transaction.execute(_CANCEL_ALL, {"in_key": conversation_key})]

    def cancel_own(self, owner_id: str) -> list[Run]:
        """Marks all unfinished runs of an owner."""
        return [run_of(row) for row in self._transaction.execute(_CANCEL_OWN, {"owner": owner_id})]

    def cancel(self, run_id: str) -> Run | None:
        """Marks the unfinished run, whoever owns it; None when there is none. For admins only."""
        row = self._transaction.execute(_CANCEL, {"wanted": run_id}).first()
        return run_of(row) if row else None

    def is_generating(self, conversation_key: int) -> bool:
        """Whether a reply is queued or being made in this conversation."""
        return self._transaction.execute(_IS_GENERATING, {"in_key": conversation_key}).first() is not None

    def claim(self, run: Run, *, worker: str = "") -> bool:
        """Takes the run as attempt `run.attempt + 1`; False when somebody else was faster or it ended.

        False too while another worker that has a lease makes it; and while the reply before it is not whole:
        whatever the queue says, turns that were moved are made in the order of their branch. One that is to
        be stopped need not wait.
        """
        streaming = Status.STREAMING.value
        held = {"wanted": run.id, "held": run.attempt, "me": worker}
        values = {"status": streaming, "attempt": run.attempt + 1, "worker": worker}
        if self._transaction.execute(_CLAIM, held | values).first() is None:
            return False
        self._transaction.execute(_UPDATE_MESSAGE, {"wanted": run.message_id, "status": streaming})
        return True

    def begin(self, run_id: str, *, worker: str = "", most: int | None = None) -> Run | None:
        """Takes a run as its first attempt, in the same way; None when that is not to be had (any more), or
        while its owner has `most` that are being made already, by whichever workers."""
        wanted: dict[str, object] = {"wanted": run_id, "me": worker}
        if most is None:
            row = self._transaction.execute(_BEGIN, wanted).first()
        else:
            row = self._transaction.execute(_BEGIN_WITHIN, wanted | {"most": most}).first()
        if row is None:
            return None
        run = run_of(row)
        self._transaction.execute(_UPDATE_MESSAGE, {"wanted": run.message_id, "status": run.status.value})
        return run

    def attempts(self, run_ids: Collection[str]) -> dict[str, int]:
        """The current attempt of these runs as far as they are unfinished, and maybe of others.

        Nobody claims, ends or stops one of these before this transaction ends: on SQLite since nobody else
        writes, on PostgreSQL since the rows are held.
        """
        if self._transaction.dialect.name == "postgresql":
            held = self._transaction.execute(_ATTEMPTS_HELD, {"ids": list(run_ids)})
            return dict(held.all())
        return dict(self._transaction.execute(_ATTEMPTS).all())

    def append(self, records: Sequence[tuple[str, Logged]]) -> None:
        """Adds (run id, record) pairs to the logs."""
        rows = [
            {
                "run_id": run_id,
                "seq": record.seq,
                "at_ms": to_ms(record.at),
                "kind": record.event.kind,
                "data": dump_event(record.event),
            }
            for run_id, record in records
        ]
        if self._transaction.dialect.name == "postgresql":
            columns = {column.name: [row[column.name] for row in rows] for column in _events}
            if self._transaction.execute(_APPEND_ARRAYS, columns).rowcount < len(rows):
                self._require(records)
        else:
            self._transaction.execute(_APPEND, rows)

    def _require(self, records: Sequence[tuple[str, Logged]]) -> None:
        for run_id in {run_id for run_id, _ in records}:
            there = self.log(run_id)
            if any(record not in there for one, record in records if one == run_id):
                raise RuntimeError(f"not UNIQUE: the log of run {run_id} has something else in this place")

    def log(self, run_id: str, *, after: int = 0) -> list[Logged]:
        """The records after a seq, from the compacted log or the rows."""
        compacted = self._transaction.scalar(_COMPACTED, {"wanted": run_id})
        if compacted is not None:
            return [record for record in load_log(compacted) if record.seq > after]
        rows = self._transaction.execute(_RECORDS, {"wanted": run_id, "after": after})
        return [
            Logged(seq=seq, at=from_ms(at_ms), event=load_event(kind, data))
            for seq, at_ms, kind, data in rows
        ]

    def finish(self, ending: Ending) -> bool:
        """The end: message, status and the compacted log together; False when another attempt has the run.

        One that was given up goes into the audit log, for admins to see.
        """
        run, message = ending.run, ending.snapshot.message
        held = {"wanted": run.id, "held": ending.attempt}
        values = {"status": message.status.value, "ended_at": ending.at}
        if self._transaction.execute(_UPDATE_HELD, held | values).first() is None:
            return self._is_ended_so(ending)
        final = {"wanted": run.message_id, "seq": ending.snapshot.seq, **message_columns(message)}
        self._transaction.execute(_UPDATE_MESSAGE, final)
        self._transaction.execute(_ADD_LOG, {"run_id": run.id, "data": dump_log(ending.records)})
        self._transaction.execute(_DELETE_EVENTS, {"wanted": run.id})
        self._transaction.execute(_TOUCH, {"in_key": run.conversation_key, "updated_at": ending.at})
        add_usage(self._transaction, run.owner_id, message, at=ending.at)
        if message.status is Status.INTERRUPTED:
            kind = SecurityEventKind.RUN_GIVEN_UP
            event = SecurityEvent(kind=kind, at=ending.at, account_id=run.owner_id, detail=run.id)
            SecurityEventRepository(self._transaction).add(event)
        return True

    def _is_ended_so(self, ending: Ending) -> bool:
        """Whether this very ending was written before, by one who did not hear of it."""
        where = {"wanted": ending.run.id, "held": ending.attempt, "at": ending.at}
        return self._transaction.execute(_ENDED_SO, where).first() is not None
