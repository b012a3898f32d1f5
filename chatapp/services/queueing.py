"""What a send stores: messages and a queued run, and the client's key that makes the request idempotent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import KeyReused, NotFound
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, Status, TextPart
from chatapp.domain.runs import NO_OPTIONS, Run, RunOptions, Turn
from chatapp.domain.texts import UNTITLED, title_of
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Transaction
from chatapp.storage.deleted import DeletedRepository
from chatapp.storage.runs import RunRepository


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A turn, and its run where it is a new one."""

    turn: Turn
    run: Run | None = None


def said(text: str, at: datetime, *, after: str | None) -> Message:
    """A new message of the user."""
    return Message(id=new_id(), role=Role.USER, created_at=at, parent_id=after, parts=(TextPart(text=text),))


def conversation_for(
    transaction: Transaction,
    principal: Principal,
    conversation_id: str | None,
    text: str,
    at: datetime,
) -> Conversation:
    """The owner's conversation with this id, or a new one that begins with this text."""
    conversations = ConversationRepository(transaction)
    owner_id, title = principal.account_id, title_of(text)
    if conversation_id is not None:
        found = conversations.get(owner_id, conversation_id)
        if found is not None:
            return _titled(conversations, found, title)
        deletions = DeletedRepository(transaction)
        if (deleted := deletions.get(owner_id, conversation_id)) is not None:
            return deletions.begin_anew(deleted, title=title, at=at)
    return conversations.add(
        conversation_id=conversation_id or new_id(), owner_id=owner_id, title=title, at=at
    )


def _titled(conversations: ConversationRepository, found: Conversation, title: str) -> Conversation:
    """One that was begun without a title gets that of its first message."""
    if found.leaf_id is None and found.title == UNTITLED:
        return conversations.change(found.owner_id, found.id, title=title) or found
    return found


def said_before(
    transaction: Transaction, principal: Principal, message_id: str
) -> tuple[Conversation, Message]:
    """The owner's own message with this id, and where. Raises `NotFound`."""
    found = ConversationRepository(transaction).message(principal.account_id, message_id)
    if found is None or found[1].role is not Role.USER:
        raise NotFound
    return found


def replied(
    transaction: Transaction, principal: Principal, message_id: str
) -> tuple[Conversation, Message, Message]:
    """The owner's reply with this id, what it answers, and where. Raises `NotFound`."""
    conversations = ConversationRepository(transaction)
    found = conversations.message(principal.account_id, message_id)
    if found is None or found[1].role is not Role.ASSISTANT or found[1].parent_id is None:
        raise NotFound
    asked = conversations.message(principal.account_id, found[1].parent_id)
    if asked is None:
        raise NotFound
    return found[0], asked[1], found[1]


def queue_run(
    transaction: Transaction,
    conversation: Conversation,
    asked: Message,
    model: str,
    key_and_digest: tuple[str, str],
    *,
    new: Sequence[Message] = (),
    continues: str | None = None,
    options: RunOptions = NO_OPTIONS,
) -> Made:
    """The empty reply, its run, and what is `new` before it; the branch that it ends is shown from now on."""
    # Not before the message it answers, whatever the clock says.
    at = max(datetime.now(UTC), asked.created_at)
    run = Run(
        id=new_id(),
        owner_id=conversation.owner_id,
        conversation_key=conversation.key,
        message_id=new_id(),
        model=model,
        status=Status.QUEUED,
        created_at=at,
        continues=continues,
        options=options,
    )
    reply = Message(
        id=run.message_id,
        role=Role.ASSISTANT,
        created_at=at,
        parent_id=asked.id,
        status=Status.QUEUED,
        model=model,
        run_id=run.id,
    )
    conversations, (key, digest) = ConversationRepository(transaction), key_and_digest
    conversations.add_message(conversation, *new, reply)
    RunRepository(transaction).add(run, user_message_id=asked.id, client_key=key, client_digest=digest)
    conversations.touch(conversation.key, leaf_id=reply.id, model=model, at=at)
    return Made(turn=_turn(run, conversation.id, asked.id), run=run)


def kept_turn(transaction: Transaction, principal: Principal, client_key: str, digest: str) -> Made | None:
    """The turn that this key stands for already. Raises `KeyReused` when it stands for something else."""
    kept = RunRepository(transaction).by_client_key(principal.account_id, client_key)
    if kept is None:
        return None
    if kept.digest != digest:
        raise KeyReused
    return Made(turn=_turn(kept.run, kept.conversation_id, kept.user_message_id))


def _turn(run: Run, conversation_id: str, user_message_id: str) -> Turn:
    return Turn(
        conversation_id=conversation_id,
        user_message_id=user_message_id,
        message_id=run.message_id,
        run_id=run.id,
    )
