"""Runs, their attempts and their logs. Every write of a run carries its attempt (fencing)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.functions import coalesce

from chatapp.domain.events import Logged
from chatapp.domain.log import Ending
from chatapp.domain.messages import Status
from chatapp.domain.runs import Run
from chatapp.storage.codec import (
    dump_event,
    dump_log,
    from_ms,
    load_event,
    load_log,
    message_columns,
    run_of,
    to_ms,
)
from chatapp.storage.tables import CONVERSATIONS, EVENTS, LOGS, MESSAGES, RUNS

# Statements are built once: to build one costs several times as much as to run it.
_runs, _events = RUNS.c, EVENTS.c
#: The words of the partial index: with parameters in their place SQLite would read all runs that ever were.
UNFINISHED = text("runs.status IN ('queued', 'streaming')")
#: The unfinished runs of a conversation are looked for among the few unfinished ones, whichever conversations
#: they are of: with a condition that an index could serve, SQLite would read all that were ever made in this.
IN_CONVERSATION = and_(_runs.conversation_key + 0 == bindparam("in_key"), UNFINISHED)
#: The conversations in which a reply is queued or being made.
GENERATING = select(_runs.conversation_key).where(UNFINISHED)
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
_GET = select(RUNS).where(_runs.id == _id)
_ALL_UNFINISHED = select(RUNS).where(UNFINISHED).order_by(_runs.created_at, _runs.id)
_CANCEL_ALL = update(RUNS).where(IN_CONVERSATION).values(cancel_requested=True).returning(*_runs)
_CANCEL_OWN = (
    # The few unfinished runs of everybody, not all that were ever made for this owner.
    update(RUNS)
    .where(_runs.owner_id.concat("") == _owner, UNFINISHED)
    .values(cancel_requested=True)
    .returning(*_runs)
)
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
_CLAIM = _UPDATE_HELD.where(or_(_runs.cancel_requested, ~_waits))
_UPDATE_MESSAGE = update(MESSAGES).where(MESSAGES.c.id == _id)
_ATTEMPTS = select(_runs.id, _runs.attempt).where(UNFINISHED)
_APPEND = insert(EVENTS)
_COMPACTED = select(LOGS.c.data).where(LOGS.c.run_id == _id)
_RECORDS = (
    select(_events.seq, _events.at_ms, _events.kind, _events.data)
    .where(_events.run_id == _id, _events.seq > bindparam("after"))
    .order_by(_events.seq)
)
_ADD_LOG = insert(LOGS)
_DELETE_EVENTS = delete(EVENTS).where(_events.run_id == _id)
_TOUCH = update(CONVERSATIONS).where(CONVERSATIONS.c.key == bindparam("in_key"))


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRequest:
    """What a client's key was used for before."""

    run: Run
    user_message_id: str
    conversation_id: str
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

    def get(self, run_id: str) -> Run | None:
        """The run, whoever owns it: for the engine only."""
        row = self._transaction.execute(_GET, {"wanted": run_id}).first()
        return run_of(row) if row else None

    def unfinished(self) -> list[Run]:
        """All runs that still have to end, the oldest first."""
        return [run_of(row) for row in self._transaction.execute(_ALL_UNFINISHED)]

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

    def claim(self, run: Run) -> bool:
        """Takes the run as attempt `run.attempt + 1`; False when somebody else was faster or it ended.

        False too while the reply before it is not whole: whatever the queue says, turns that were moved are
        made in the order of their branch. One that is to be stopped need not wait.
        """
        streaming = Status.STREAMING.value
        held = {"wanted": run.id, "held": run.attempt}
        values = {"status": streaming, "attempt": run.attempt + 1}
        if self._transaction.execute(_CLAIM, held | values).first() is None:
            return False
        self._transaction.execute(_UPDATE_MESSAGE, {"wanted": run.message_id, "status": streaming})
        return True

    def attempts(self) -> dict[str, int]:
        """The current attempt of every unfinished run."""
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
        self._transaction.execute(_APPEND, rows)

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
        """The end: message, status and the compacted log together; False when another attempt has the run."""
        run, message = ending.run, ending.snapshot.message
        held = {"wanted": run.id, "held": ending.attempt}
        values = {"status": message.status.value, "ended_at": ending.at}
        if self._transaction.execute(_UPDATE_HELD, held | values).first() is None:
            return False
        final = {"wanted": run.message_id, "seq": ending.snapshot.seq, **message_columns(message)}
        self._transaction.execute(_UPDATE_MESSAGE, final)
        self._transaction.execute(_ADD_LOG, {"run_id": run.id, "data": dump_log(ending.records)})
        self._transaction.execute(_DELETE_EVENTS, {"wanted": run.id})
        self._transaction.execute(_TOUCH, {"in_key": run.conversation_key, "updated_at": ending.at})
        return True
