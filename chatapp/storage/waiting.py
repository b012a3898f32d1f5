"""Turns that wait for the reply before them, and can still be changed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from chatapp.domain.events import Done, Logged
from chatapp.domain.messages import Status, TextPart
from chatapp.storage.codec import dump_log, dump_parts
from chatapp.storage.runs import IN_CONVERSATION
from chatapp.storage.tables import LOGS, MESSAGES, RUNS
from chatapp.storage.trees import TreeRepository

_runs, _messages = RUNS.c, MESSAGES.c
_id: BindParameter[str] = bindparam("wanted")
_key: BindParameter[int] = bindparam("in_key")

#: Changes nothing, but whoever claims one of these waits for the end of this transaction, and vice versa.
_HOLD = (
    update(RUNS)
    .where(
        IN_CONVERSATION,
        _runs.status == Status.QUEUED.value,
        _runs.attempt == 0,
        _runs.cancel_requested.is_(False),
    )
    .values(attempt=0)
    .returning(_runs.id, _runs.user_message_id, _runs.message_id, _runs.created_at)
)
_PARENTS = select(_messages.id, _messages.parent_id).where(_messages.id.in_(bindparam("ids", expanding=True)))
_SET_RUN = update(RUNS).where(_runs.id == _id)
_ADD_LOG = insert(LOGS)
_SET_MESSAGE = update(MESSAGES).where(_messages.id == _id)
_LIFT = update(MESSAGES).where(_messages.conversation_key == _key, _messages.parent_id == _id)
_FORGET = delete(MESSAGES).where(_messages.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A turn of which nothing was made yet; `is_version` when its message has siblings."""

    run_id: str
    user_message_id: str
    message_id: str
    parent_id: str | None
    created_at: datetime
    is_version: bool


class WaitingRepository:
    """Waiting turns of one conversation within one transaction."""

    def __init__(self, transaction: Connection, conversation_key: int) -> None:
        self._transaction: Connection = transaction
        self._key: int = conversation_key

    def hold(self) -> list[Waiting]:
        """All of them, in the order in which they will be made. Nobody begins one before this transaction
        ends. Another try at a reply is none: its message was answered before."""
        held = self._transaction.execute(_HOLD, {"in_key": self._key}).all()
        asked = [row.user_message_id for row in held]
        parents = dict(self._transaction.execute(_PARENTS, {"ids": asked}).all())
        tree = TreeRepository(self._transaction)
        replies = Counter(node.parent_id for node in tree.children(self._key, asked))
        families = Counter(node.parent_id for node in tree.children(self._key, list(parents.values())))
        turns = [
            Waiting(
                run_id=row.id,
                user_message_id=row.user_message_id,
                message_id=row.message_id,
                parent_id=parents[row.user_message_id],
                created_at=row.created_at,
                is_version=families[parents[row.user_message_id]] > 1,
            )
            for row in held
            if replies[row.user_message_id] == 1
        ]
        return sorted(turns, key=lambda turn: (turn.created_at, turn.run_id))

    def reword(self, turn: Waiting, text: str) -> None:
        """Says something else."""
        values = {"wanted": turn.user_message_id, "parts": dump_parts([TextPart(text=text)])}
        self._transaction.execute(_SET_MESSAGE, values)

    def remove(self, turn: Waiting, *, at: datetime) -> None:
        """Takes its messages out of the tree; what followed them follows what was before them.

        The run stays, ended: its client key goes on standing for this turn, so that who repeats the request
        does not send it again. Its log says so too, to whoever reads it.
        """
        ended = {"wanted": turn.run_id, "status": Status.STOPPED.value, "ended_at": at}
        self._transaction.execute(_SET_RUN, ended)
        end = Logged(seq=1, at=at, event=Done(status=Status.STOPPED))
        self._transaction.execute(_ADD_LOG, {"run_id": turn.run_id, "data": dump_log([end])})
        self.lift(turn.message_id, to=turn.parent_id)
        self._transaction.execute(_FORGET, {"ids": [turn.user_message_id, turn.message_id]})

    def lift(self, message_id: str, *, to: str | None) -> None:
        """What follows the one message follows the other from now on."""
        where = {"in_key": self._key, "wanted": message_id}
        self._transaction.execute(_LIFT, {**where, "parent_id": to})

    def arrange(self, turns: Sequence[Waiting], *, after: str | None, times: Sequence[datetime]) -> None:
        """One after another behind this message, to be made in this order."""
        for turn, at in zip(turns, times, strict=True):
            parent = {"wanted": turn.user_message_id, "parent_id": after}
            self._transaction.execute(_SET_MESSAGE, parent)
            self._transaction.execute(_SET_RUN, {"wanted": turn.run_id, "created_at": at})
            after = turn.message_id
