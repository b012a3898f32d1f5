"""What conversations that somebody looks at have become, asked for many at once and without their texts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from chatapp.domain.messages import Status
from chatapp.storage.runs import UNFINISHED
from chatapp.storage.tables import CONVERSATIONS, FEEDBACK, MESSAGES, RUNS

_conversations, _runs, _messages = CONVERSATIONS.c, RUNS.c, MESSAGES.c
_keys: BindParameter[Sequence[int]] = bindparam("keys", expanding=True)

_HEADS = select(
    _conversations.key,
    _conversations.owner_id,
    _conversations.leaf_id,
    _conversations.updated_at,
    _conversations.deleted_at,
    _conversations.title,
    _conversations.model,
    _conversations.archived,
).where(_conversations.key.in_(_keys))
_UNFINISHED = (
    # Found among the few unfinished ones, whichever conversations they are of.
    select(
        _runs.conversation_key,
        _runs.id,
        _runs.message_id,
        _runs.status,
        _runs.cancel_requested,
        _messages.parent_id,
        _messages.parts,
    )
    .join(MESSAGES, _messages.id == _runs.user_message_id)
    .where((_runs.conversation_key + 0).in_(_keys), UNFINISHED)
    .order_by(_runs.id)
)
#: For each owner all that they said of replies: to tell their conversations apart would read all messages.
_RATED = (
    select(FEEDBACK.c.account_id, func.count(), func.max(FEEDBACK.c.at))
    .where(FEEDBACK.c.account_id.in_(select(_conversations.owner_id).where(_conversations.key.in_(_keys))))
    .group_by(FEEDBACK.c.account_id)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`sign` is another one when the conversation is to be read again: another turn, version, title or order
    of what waits, a run that began or ended, something that the owner said of a reply.

    `streaming` has the runs whose replies are being made, with their messages.
    """

    sign: tuple[Any, ...]
    streaming: Mapping[str, str]


class StandingRepository:
    """Conversations by their keys: whoever names one has asked whose it is before."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def of(self, keys: Iterable[int]) -> dict[int, Standing]:
        """How each of them is now; one that is gone for good is left out."""
        where = {"keys": sorted(set(keys))}
        heads = {row.key: tuple(row) for row in self._transaction.execute(_HEADS, where)}
        rated = {row[0]: tuple(row) for row in self._transaction.execute(_RATED, where)}
        runs: dict[int, list[tuple[Any, ...]]] = {key: [] for key in heads}
        for row in self._transaction.execute(_UNFINISHED, where):
            if row.conversation_key in runs:
                runs[row.conversation_key].append(tuple(row))
        return {
            key: Standing(
                sign=(head, rated.get(head[1]), tuple((*run[:-1], str(run[-1])) for run in runs[key])),
                streaming={run[1]: run[2] for run in runs[key] if run[3] == Status.STREAMING},
            )
            for key, head in heads.items()
        }
