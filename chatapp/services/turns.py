"""Sending, trying again, going on, stopping."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import (
    ConversationBusy,
    EmptyMessage,
    Invalid,
    KeyReused,
    MessageTooLong,
    NotFound,
)
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, Status, TextPart
from chatapp.domain.runs import Run, Turn
from chatapp.domain.texts import clean, title_of
from chatapp.engine.worker import Worker
from chatapp.providers.catalog import Catalog
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import Job, TreeChanged, conversation_topic, owner_topic
from chatapp.streams.broadcast import Broadcast

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Turns:
    """What makes replies begin and end. Every call is idempotent by its client key."""

    def __init__(
        self,
        *,
        database: Database,
        worker: Worker,
        broadcast: Broadcast,
        catalog: Catalog,
        max_message_chars: int,
    ) -> None:
        self._database: Database = database
        self._worker: Worker = worker
        self._broadcast: Broadcast = broadcast
        self._catalog: Catalog = catalog
        self._max_message_chars: int = max_message_chars

    async def send(
        self,
        principal: Principal,
        *,
        conversation_id: str | None,
        text: str,
        client_key: str,
        model: str = "",
    ) -> Turn:
        """Stores a message and queues its reply.

        A conversation id of the owner that does not exist yet is made; None makes a new one. While a reply is
        being made the turn waits behind it. The same client key again is the same turn.

        Raises:
            EmptyMessage, MessageTooLong, Invalid: the input.
            KeyReused: the key stands for another text.
            NoModel: the model is not on offer.
            StorageFull, Unavailable: nothing was stored.
        """
        text = self._checked(text)
        _check_key(client_key)
        if conversation_id is not None:
            _check_key(conversation_id)
        digest = _digest("send", conversation_id or "", text)
        model = await self._model(model)

        def work(transaction: Transaction) -> _Made:
            if kept := _kept(transaction, principal, client_key, digest):
                return kept
            at = datetime.now(UTC)
            AccountRepository(transaction).ensure(principal, at=at)
            conversation = _conversation(transaction, principal, conversation_id, text, at)
            user = _said(text, at, after=conversation.leaf_id)
            ConversationRepository(transaction).add_message(conversation, user)
            return _queue_run(transaction, conversation, user, model, (client_key, digest))

        return self._submitted(await self._database.write(work))

    async def regenerate(
        self, principal: Principal, *, message_id: str, client_key: str, model: str = ""
    ) -> Turn:
        """Queues another reply to the same message; the one that is there stays as its sibling.

        Raises `NotFound`, `ConversationBusy`, `KeyReused`, `NoModel`, `StorageFull`, `Unavailable`.
        """
        return await self._again(principal, message_id, client_key, model, continues=False)

    async def continue_reply(self, principal: Principal, *, message_id: str, client_key: str) -> Turn:
        """Queues a sibling that begins with the text of this reply and goes on from there.

        Raises `NotFound`, `Invalid` (nothing to go on with), `ConversationBusy`, `KeyReused`, `NoModel`,
        `StorageFull`, `Unavailable`.
        """
        return await self._again(principal, message_id, client_key, "", continues=True)

    async def stop(self, principal: Principal, *, message_id: str) -> None:
        """Ends the making of this reply and keeps its text; one that has ended stays as it is.

        Raises `NotFound`, `Unavailable`.
        """

        def work(transaction: Transaction) -> Run | None:
            run = RunRepository(transaction).request_cancel(principal.account_id, message_id)
            if run is None and not ConversationRepository(transaction).message(
                principal.account_id, message_id
            ):
                raise NotFound
            return run

        run = await self._database.write(work)
        if run is not None:
            self._worker.stop(_job(run))

    async def _again(
        self, principal: Principal, message_id: str, client_key: str, model: str, *, continues: bool
    ) -> Turn:
        _check_key(client_key)
        digest = _digest("continue" if continues else "regenerate", message_id, model)
        chosen = await self._model(model) if model else ""

        def work(transaction: Transaction) -> _Made:
            if kept := _kept(transaction, principal, client_key, digest):
                return kept
            conversation, asked, reply = _replied(transaction, principal, message_id)
            if RunRepository(transaction).unfinished_in(conversation.key):
                raise ConversationBusy
            if continues and not reply.text:
                raise Invalid("There is no text to go on with.")
            return _queue_run(
                transaction,
                conversation,
                asked,
                chosen or reply.model,
                (client_key, digest),
                continues=reply.id if continues else None,
            )

        return self._submitted(await self._database.write(work))

    def _checked(self, text: str) -> str:
        text = clean(text)
        if not text.strip():
            raise EmptyMessage
        if len(text) > self._max_message_chars:
            raise MessageTooLong(
                f"The message has {len(text):,} characters; at most {self._max_message_chars:,} are possible."
            )
        return text

    async def _model(self, model: str) -> str:
        """The id of a model that can be asked."""
        if not model:
            return (await self._catalog.default()).id
        return (await self._catalog.find(model))[1].id

    def _submitted(self, made: "_Made") -> Turn:
        if made.run is not None:
            self._worker.submit(_job(made.run))
            self._broadcast.publish(conversation_topic(made.run.conversation_key), TreeChanged())
            self._broadcast.publish(owner_topic(made.run.owner_id), TreeChanged())
        return made.turn


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    """A turn, and its run where it is a new one."""

    turn: Turn
    run: Run | None = None


def _said(text: str, at: datetime, *, after: str | None) -> Message:
    return Message(id=new_id(), role=Role.USER, created_at=at, parent_id=after, parts=(TextPart(text=text),))


def _conversation(
    transaction: Transaction,
    principal: Principal,
    conversation_id: str | None,
    text: str,
    at: datetime,
) -> Conversation:
    conversations = ConversationRepository(transaction)
    if conversation_id is not None:
        found = conversations.get(principal.account_id, conversation_id)
        if found is not None:
            return found
    return conversations.add(
        conversation_id=conversation_id or new_id(),
        owner_id=principal.account_id,
        title=title_of(text),
        at=at,
    )


def _replied(
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


def _queue_run(
    transaction: Transaction,
    conversation: Conversation,
    asked: Message,
    model: str,
    key_and_digest: tuple[str, str],
    *,
    continues: str | None = None,
) -> _Made:
    """The empty reply and its run; the branch that ends in it is shown from now on."""
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
    key, digest = key_and_digest
    conversations = ConversationRepository(transaction)
    conversations.add_message(conversation, reply)
    RunRepository(transaction).add(run, user_message_id=asked.id, client_key=key, client_digest=digest)
    conversations.touch(conversation.key, leaf_id=reply.id, model=model, at=at)
    return _Made(turn=_turn(run, conversation.id, asked.id), run=run)


def _kept(transaction: Transaction, principal: Principal, client_key: str, digest: str) -> _Made | None:
    kept = RunRepository(transaction).by_client_key(principal.account_id, client_key)
    if kept is None:
        return None
    if kept.digest != digest:
        raise KeyReused
    return _Made(turn=_turn(kept.run, kept.conversation_id, kept.user_message_id))


def _turn(run: Run, conversation_id: str, user_message_id: str) -> Turn:
    return Turn(
        conversation_id=conversation_id,
        user_message_id=user_message_id,
        message_id=run.message_id,
        run_id=run.id,
    )


def _job(run: Run) -> Job:
    return Job(
        run_id=run.id,
        owner_id=run.owner_id,
        conversation_key=run.conversation_key,
        message_id=run.message_id,
    )


def _digest(*fields: str) -> str:
    return hashlib.sha256("\x00".join(fields).encode()).hexdigest()


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise Invalid("A key has 1 to 64 letters, digits, hyphens or underscores.")
