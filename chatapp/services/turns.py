"""Sending, trying again, going on, stopping."""

import hashlib
import re
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
from chatapp.storage.runs import KeptRequest, RunRepository
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
        at = datetime.now(UTC)
        async with self._database.write() as transaction:
            if kept := await _kept(transaction, principal, client_key, digest):
                return _turn(kept)
            await AccountRepository(transaction).ensure(principal, at=at)
            conversations = ConversationRepository(transaction)
            conversation = await _conversation(conversations, principal, conversation_id, text, at)
            user = Message(
                id=new_id(),
                role=Role.USER,
                created_at=at,
                parent_id=conversation.leaf_id,
                parts=(TextPart(text=text),),
            )
            await conversations.add_message(conversation, user)
            run = await _queue_run(transaction, conversation, user, model, client_key, digest)
        self._submit(run)
        return Turn(
            conversation_id=conversation.id,
            user_message_id=user.id,
            message_id=run.message_id,
            run_id=run.id,
        )

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
        async with self._database.write() as transaction:
            run = await RunRepository(transaction).request_cancel(principal.account_id, message_id)
            if run is None:
                found = await ConversationRepository(transaction).message(principal.account_id, message_id)
                if found is None:
                    raise NotFound
        if run is not None:
            self._worker.stop(_job(run))

    async def _again(
        self, principal: Principal, message_id: str, client_key: str, model: str, *, continues: bool
    ) -> Turn:
        _check_key(client_key)
        digest = _digest("continue" if continues else "regenerate", message_id, model)
        model = await self._model(model) if model else ""
        async with self._database.write() as transaction:
            if kept := await _kept(transaction, principal, client_key, digest):
                return _turn(kept)
            conversations = ConversationRepository(transaction)
            found = await conversations.message(principal.account_id, message_id)
            if found is None or found[1].role is not Role.ASSISTANT or found[1].parent_id is None:
                raise NotFound
            conversation, reply = found
            if await RunRepository(transaction).unfinished_in(conversation.key):
                raise ConversationBusy
            if continues and not reply.text:
                raise Invalid("There is no text to go on with.")
            asked = await conversations.message(principal.account_id, reply.parent_id or "")
            if asked is None:
                raise NotFound
            run = await _queue_run(
                transaction,
                conversation,
                asked[1],
                model or reply.model,
                client_key,
                digest,
                continues=reply.id if continues else None,
            )
        self._submit(run)
        return Turn(
            conversation_id=conversation.id,
            user_message_id=asked[1].id,
            message_id=run.message_id,
            run_id=run.id,
        )

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

    def _submit(self, run: Run) -> None:
        self._worker.submit(_job(run))
        self._broadcast.publish(conversation_topic(run.conversation_key), TreeChanged())
        self._broadcast.publish(owner_topic(run.owner_id), TreeChanged())


async def _conversation(
    conversations: ConversationRepository,
    principal: Principal,
    conversation_id: str | None,
    text: str,
    at: datetime,
) -> Conversation:
    if conversation_id is not None:
        found = await conversations.get(principal.account_id, conversation_id)
        if found is not None:
            return found
    return await conversations.add(
        conversation_id=conversation_id or new_id(),
        owner_id=principal.account_id,
        title=title_of(text),
        at=at,
    )


async def _queue_run(
    transaction: Transaction,
    conversation: Conversation,
    asked: Message,
    model: str,
    client_key: str,
    digest: str,
    *,
    continues: str | None = None,
) -> Run:
    """The empty reply and its run; the branch that ends in it is shown from now on."""
    # After the message it answers, whatever the clock says.
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
    conversations = ConversationRepository(transaction)
    await conversations.add_message(conversation, reply)
    await RunRepository(transaction).add(
        run, user_message_id=asked.id, client_key=client_key, client_digest=digest
    )
    await conversations.touch(conversation.key, leaf_id=reply.id, model=model, at=at)
    return run


async def _kept(
    transaction: Transaction, principal: Principal, client_key: str, digest: str
) -> KeptRequest | None:
    kept = await RunRepository(transaction).by_client_key(principal.account_id, client_key)
    if kept is not None and kept.digest != digest:
        raise KeyReused
    return kept


def _turn(kept: KeptRequest) -> Turn:
    return Turn(
        conversation_id=kept.conversation_id,
        user_message_id=kept.user_message_id,
        message_id=kept.run.message_id,
        run_id=kept.run.id,
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
