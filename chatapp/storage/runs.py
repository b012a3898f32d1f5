"""Runs, their attempts and their logs. Every write of a run carries its attempt (fencing)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

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
from chatapp.storage.tables import (
    AttemptRow,
    ConversationRow,
    EventRow,
    LogRow,
    MessageRow,
    RunRow,
    columns,
    table_of,
)

_runs = columns(RunRow)
_events = columns(EventRow)
_logs = columns(LogRow)
_messages = columns(MessageRow)
_conversations = columns(ConversationRow)

_INSERT_EVENT = insert(table_of(EventRow))

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

    def __init__(self, transaction: Session) -> None:
        self._transaction: Session = transaction

    def add(self, run: Run, *, user_message_id: str, client_key: str, client_digest: str) -> None:
        """A queued run."""
        self._transaction.add(
            RunRow(
                id=run.id,
                conversation_key=run.conversation_key,
                owner_id=run.owner_id,
                message_id=run.message_id,
                user_message_id=user_message_id,
                model=run.model,
                status=run.status.value,
                continues=run.continues,
                client_key=client_key,
                client_digest=client_digest,
                created_at=run.created_at,
            )
        )
        self._transaction.flush()

    def by_client_key(self, owner_id: str, client_key: str) -> KeptRequest | None:
        """The request that this key stands for."""
        found = (
            self._transaction.execute(
                select(RunRow, _conversations.id)
                .join(ConversationRow, _conversations.key == _runs.conversation_key)
                .where(_runs.owner_id == owner_id, _runs.client_key == client_key)
            )
        ).first()
        if found is None:
            return None
        row: RunRow = found[0]
        return KeptRequest(
            run=run_of(row),
            user_message_id=row.user_message_id,
            conversation_id=found[1],
            digest=row.client_digest,
        )

    def get(self, run_id: str) -> Run | None:
        """The run, whoever owns it: for the engine only."""
        row = self._transaction.get(RunRow, run_id)
        return run_of(row) if row else None

    def unfinished(self) -> list[Run]:
        """All runs that still have to end, the oldest first."""
        rows = self._transaction.scalars(
            select(RunRow).where(_runs.status.in_(_UNFINISHED)).order_by(_runs.created_at, _runs.id)
        )
        return [run_of(row) for row in rows]

    def unfinished_in(self, conversation_key: int) -> bool:
        """Whether a reply is queued or being made in the conversation."""
        found = self._transaction.scalar(
            select(_runs.id)
            .where(_runs.conversation_key == conversation_key, _runs.status.in_(_UNFINISHED))
            .limit(1)
        )
        return found is not None

    def request_cancel(self, owner_id: str, message_id: str) -> Run | None:
        """Marks the owner's unfinished run of this message; None when there is none."""
        row = (
            self._transaction.scalars(
                update(RunRow)
                .where(
                    _runs.owner_id == owner_id,
                    _runs.message_id == message_id,
                    _runs.status.in_(_UNFINISHED),
                )
                .values(cancel_requested=True)
                .returning(RunRow)
            )
        ).first()
        return run_of(row) if row else None

    def claim(self, run: Run, *, model: str, reason: str, at: datetime) -> bool:
        """Takes the run as attempt `run.attempt + 1`; False when somebody else was faster or it ended."""
        number = run.attempt + 1
        claimed = self._transaction.execute(
            update(RunRow)
            .where(_runs.id == run.id, _runs.attempt == run.attempt, _runs.status.in_(_UNFINISHED))
            .values(status=Status.STREAMING.value, attempt=number)
            .returning(_runs.id)
        )
        if claimed.first() is None:
            return False
        self._transaction.execute(
            update(MessageRow)
            .where(_messages.id == run.message_id)
            .values(status=Status.STREAMING.value, model=model)
        )
        self._transaction.execute(
            insert(AttemptRow).values(run_id=run.id, number=number, model=model, reason=reason, started_at=at)
        )
        return True

    def attempts(self) -> dict[str, int]:
        """The current attempt of every unfinished run."""
        rows = self._transaction.execute(select(_runs.id, _runs.attempt).where(_runs.status.in_(_UNFINISHED)))
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
        # Several thousand rows a second: past the object mapper, which would double the price of a token.
        connection = self._transaction.connection()
        connection.execute(_INSERT_EVENT, rows)

    def log(self, run_id: str, *, after: int = 0) -> list[Logged]:
        """The records after a seq, from the compacted log or the rows."""
        compacted = self._transaction.scalar(select(_logs.data).where(_logs.run_id == run_id))
        if compacted is not None:
            return [record for record in load_log(compacted) if record.seq > after]
        rows = self._transaction.execute(
            select(_events.seq, _events.at_ms, _events.kind, _events.data)
            .where(_events.run_id == run_id, _events.seq > after)
            .order_by(_events.seq)
        )
        return [
            Logged(seq=seq, at=from_ms(at_ms), event=load_event(kind, data))
            for seq, at_ms, kind, data in rows
        ]

    def finish(self, ending: Ending) -> bool:
        """The end: message, status and the compacted log together; False when another attempt has the run."""
        run, message = ending.run, ending.snapshot.message
        ended = self._transaction.execute(
            update(RunRow)
            .where(_runs.id == run.id, _runs.attempt == ending.attempt, _runs.status.in_(_UNFINISHED))
            .values(status=message.status.value, ended_at=ending.at)
            .returning(_runs.id)
        )
        if ended.first() is None:
            return False
        self._transaction.execute(
            update(MessageRow)
            .where(_messages.id == run.message_id)
            .values(seq=ending.snapshot.seq, **message_columns(message))
        )
        self._transaction.execute(insert(LogRow).values(run_id=run.id, data=dump_log(ending.records)))
        self._transaction.execute(delete(EventRow).where(_events.run_id == run.id))
        self._transaction.execute(
            update(ConversationRow)
            .where(_conversations.key == run.conversation_key)
            .values(updated_at=ending.at)
        )
        return True
