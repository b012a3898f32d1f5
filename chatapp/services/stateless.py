"""A list of messages that is answered once. It is kept as a conversation, so that the queue, limits, stop and
recovery are those of every reply, and it is deleted from its beginning, so that nobody ever sees it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chatapp.domain.accounts import Principal
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, TextPart
from chatapp.domain.runs import RunOptions
from chatapp.providers.base import ChatMessage
from chatapp.services.queueing import Made, kept_turn, queue_run
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Transaction
from chatapp.storage.deleted import DeletedRepository


def answered_once(
    transaction: Transaction,
    principal: Principal,
    messages: Sequence[ChatMessage],
    model: str,
    key_and_digest: tuple[str, str],
    options: RunOptions,
) -> Made:
    """Stores the messages, one after another, and the queued reply to the last one."""
    if kept := kept_turn(transaction, principal, *key_and_digest):
        return kept
    at = datetime.now(UTC)
    AccountRepository(transaction).ensure(principal, at=at)
    conversation = DeletedRepository(transaction).add_unseen(principal.account_id, at=at)
    new: list[Message] = []
    for one in messages:
        said = Message(
            id=new_id(),
            role=one.role,
            created_at=at,
            parent_id=new[-1].id if new else None,
            parts=(TextPart(text=one.content),),
        )
        new.append(said)
    assert new, "there is something to answer"
    return queue_run(transaction, conversation, new[-1], model, key_and_digest, new=new, options=options)
