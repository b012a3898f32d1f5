"""Runs, their attempts and their logs. Every write of a run carries its attempt (fencing)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

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

_UNFINISHED = (Status.QUEUED.value, Status.STREAMING.value)


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
            insert(RUNS),
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
        row = self._transaction.execute(
            select(RUNS, CONVERSATIONS.c.id.label("conversation_id"))
            .join(CONVERSATIONS, CONVERSATIONS.c.key == RUNS.c.conversation_key)
            .where(RUNS.c.owner_id == owner_id, RUNS.c.client_key == client_key)
        ).first()
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
        row = self._transaction.execute(select(RUNS).where(RUNS.c.id == run_id)).first()
        return run_of(row) if row else None

    def unfinished(self) -> list[Run]:
        """All runs that still have to end, the oldest first."""
        rows = self._transaction.execute(
            select(RUNS).where(RUNS.c.status.in_(_UNFINISHED)).order_by(RUNS.c.created_at, RUNS.c.id)
        )
        return [run_of(row) for row in rows]

    def unfinished_in(self, conversation_key: int) -> bool:
        """Whether a reply is queued or being made in the conversation."""
        found = self._transaction.scalar(
            select(RUNS.c.id)
            .where(RUNS.c.conversation_key == conversation_key, RUNS.c.status.in_(_UNFINISHED))
            .limit(1)
        )
        return found is not None

    def request_cancel(self, owner_id: str, message_id: str) -> Run | None:
        """Marks the owner's unfinished run of this message; None when there is none."""
        row = self._transaction.execute(
            update(RUNS)
            .where(
                RUNS.c.owner_id == owner_id,
                RUNS.c.message_id == message_id,
                RUNS.c.status.in_(_UNFINISHED),
            )
            .values(cancel_requested=True)
            .returning(*RUNS.c)
        ).first()
        return run_of(row) if row else None

    def claim(self, run: Run) -> bool:
        """Takes the run as attempt `run.attempt + 1`; False when somebody else was faster or it ended."""
        claimed = self._transaction.execute(
            update(RUNS)
            .where(RUNS.c.id == run.id, RUNS.c.attempt == run.attempt, RUNS.c.status.in_(_UNFINISHED))
            .values(status=Status.STREAMING.value, attempt=run.attempt + 1)
            .returning(RUNS.c.id)
        )
        if claimed.first() is None:
            return False
        self._transaction.execute(
            update(MESSAGES).where(MESSAGES.c.id == run.message_id).values(status=Status.STREAMING.value)
        )
        return True

    def attempts(self) -> dict[str, int]:
        """The current attempt of every unfinished run."""
        rows = self._transaction.execute(
            select(RUNS.c.id, RUNS.c.attempt).where(RUNS.c.status.in_(_UNFINISHED))
        )
        return dict(rows.tuples().all())

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
        self._transaction.execute(insert(EVENTS), rows)

    def log(self, run_id: str, *, after: int = 0) -> list[Logged]:
        """The records after a seq, from the compacted log or the rows."""
        compacted = self._transaction.scalar(select(LOGS.c.data).where(LOGS.c.run_id == run_id))
        if compacted is not None:
            return [record for record in load_log(compacted) if record.seq > after]
        rows = self._transaction.execute(
            select(EVENTS.c.seq, EVENTS.c.at_ms, EVENTS.c.kind, EVENTS.c.data)
            .where(EVENTS.c.run_id == run_id, EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
        )
        return [
            Logged(seq=seq, at=from_ms(at_ms), event=load_event(kind, data))
            for seq, at_ms, kind, data in rows
        ]

    def finish(self, ending: Ending) -> bool:
        """The end: message, status and the compacted log together; False when another attempt has the run."""
        run, message = ending.run, ending.snapshot.message
        ended = self._transaction.execute(
            update(RUNS)
            .where(RUNS.c.id == run.id, RUNS.c.attempt == ending.attempt, RUNS.c.status.in_(_UNFINISHED))
            .values(status=message.status.value, ended_at=ending.at)
            .returning(RUNS.c.id)
        )
        if ended.first() is None:
            return False
        self._transaction.execute(
            update(MESSAGES)
            .where(MESSAGES.c.id == run.message_id)
            .values(seq=ending.snapshot.seq, **message_columns(message))
        )
        self._transaction.execute(insert(LOGS), {"run_id": run.id, "data": dump_log(ending.records)})
        self._transaction.execute(delete(EVENTS).where(EVENTS.c.run_id == run.id))
        self._transaction.execute(
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.key == run.conversation_key)
            .values(updated_at=ending.at)
        )
        return True
