"""Sending, trying again, going on, stopping."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import (
    ConversationBusy,
    EmptyMessage,
    Invalid,
    MessageTooLong,
    NoModel,
    NotFound,
)
from chatapp.domain.ids import check_key
from chatapp.domain.messages import Message, Role
from chatapp.domain.runs import NO_OPTIONS, Run, RunOptions, Turn
from chatapp.domain.texts import clean
from chatapp.engine.dispatch import Dispatch
from chatapp.providers.base import ChatMessage
from chatapp.providers.catalog import Catalog
from chatapp.services import waiting
from chatapp.services.queueing import (
    Made,
    conversation_for,
    kept_turn,
    queue_run,
    replied,
    said,
    said_before,
)
from chatapp.services.stateless import answered_once
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import Broadcast, Job, TreeChanged, conversation_topic, owner_topic
from chatapp.telemetry.exchange import note


class Turns:
    """What makes replies begin and end. Every call is idempotent by its client key."""

    def __init__(
        self,
        *,
        database: Database,
        dispatch: Dispatch,
        broadcast: Broadcast,
        catalog: Catalog,
        max_message_chars: int,
    ) -> None:
        self._database: Database = database
        self._dispatch: Dispatch = dispatch
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
        options: RunOptions = NO_OPTIONS,
    ) -> Turn:
        """Stores a message and queues its reply, made as the options say.

        A conversation id of the owner that does not exist yet is made; None makes a new one. While a reply is
        being made the turn waits behind it. The same client key again is the same turn. Without a model it
        is the conversation's, as long as that is on offer, or the default.
        Raises:
            EmptyMessage, MessageTooLong, Invalid: the input.
            KeyReused: the key stands for another text.
            UnknownModel, NoModel: the model is not on offer.
            StorageFull, Unavailable: nothing was stored.
        """
        text = self._checked(text, options)
        check_key(client_key)
        if conversation_id is not None:
            check_key(conversation_id)
        digest = _digest("send", conversation_id or "", text)
        model = await self._model_in(principal, conversation_id, model)

        def work(transaction: Transaction) -> Made:
            if kept := kept_turn(transaction, principal, client_key, digest):
                return kept
            at = datetime.now(UTC)
            AccountRepository(transaction).ensure(principal, at=at)
            conversation = conversation_for(transaction, principal, conversation_id, text, at)
            user = said(text, at, after=conversation.leaf_id)
            return queue_run(
                transaction, conversation, user, model, (client_key, digest), new=[user], options=options
            )

        return self._submitted(await self._database.write(work, of=principal.account_id))

    async def answer_once(
        self,
        principal: Principal,
        *,
        messages: Sequence[ChatMessage],
        client_key: str,
        model: str = "",
        options: RunOptions = NO_OPTIONS,
    ) -> Turn:
        """Queues a reply to a whole list of messages that is in no list, search or export, and is purged soon
        after its end. The run is all that can be asked for; the turn's conversation id is "".

        The last message is answered; the assistant's own is gone on with. Raises as `send` does.
        """
        said = [self._listed(message) for message in messages]
        if not said or not said[-1].content.strip():
            raise EmptyMessage
        self._bounded(options.system or "")
        check_key(client_key)
        model = await self._model(model)
        asked = (f"{message.role}:{message.content}" for message in said)
        digest = _digest("once", model, repr(options), *asked)
        made = await self._database.write(
            lambda transaction: answered_once(
                transaction, principal, said, model, (client_key, digest), options
            ),
            of=principal.account_id,
        )
        return replace(self._submitted(made), conversation_id="")

    async def edit(
        self, principal: Principal, *, message_id: str, text: str, client_key: str, model: str = ""
    ) -> Turn:
        """Says it again in other words: a sibling of the user's message, and its reply. The original stays.

        While a reply is being made the turn waits behind it.

        Raises:
            NotFound, EmptyMessage, MessageTooLong, Invalid: the input.
            KeyReused: the key stands for another text.
            UnknownModel, NoModel: the model is not on offer.
            StorageFull, Unavailable: nothing was stored.
        """
        text = self._checked(text)
        check_key(client_key)
        digest = _digest("edit", message_id, text)
        chosen = await self._model(model) if model else ""

        def work(transaction: Transaction) -> Made:
            if kept := kept_turn(transaction, principal, client_key, digest):
                return kept
            conversation, original = said_before(transaction, principal, message_id)
            # Younger than the original, whatever the clock says: it is the next version.
            at = max(datetime.now(UTC), original.created_at + timedelta(microseconds=1))
            user = said(text, at, after=original.parent_id)
            model_id = chosen or conversation.model
            return queue_run(transaction, conversation, user, model_id, (client_key, digest), new=[user])

        return self._submitted(await self._database.write(work, of=principal.account_id))

    async def regenerate(
        self, principal: Principal, *, message_id: str, client_key: str, model: str = ""
    ) -> Turn:
        """Queues another reply to the same message; the one that is there stays as its sibling.

        While another reply is being made it waits behind that.

        Raises `NotFound`, `ConversationBusy` (this reply is still being made), `KeyReused`, `NoModel`,
        `StorageFull`, `Unavailable`.
        """
        return await self._again(principal, message_id, client_key, model, continues=False)

    async def continue_reply(self, principal: Principal, *, message_id: str, client_key: str) -> Turn:
        """Queues a sibling that begins with the text of this reply and goes on from there.

        Raises `NotFound`, `Invalid` (nothing to go on with), `ConversationBusy` (this reply is still being
        made), `KeyReused`, `NoModel`, `StorageFull`, `Unavailable`.
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

        run = await self._database.write(work, of=principal.account_id)
        if run is not None:
            self._dispatch.stop(Job.of(run))

    async def change_queued(self, principal: Principal, *, message_id: str, text: str) -> None:
        """Says something else in a turn that waits for the reply before it.

        Raises `NotFound`, `AlreadyBegun`, `EmptyMessage`, `MessageTooLong`.
        """
        text = self._checked(text)
        conversation = await self._database.write(
            lambda transaction: waiting.reword(transaction, principal, message_id, text),
            of=principal.account_id,
        )
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())
        self._broadcast.publish(owner_topic(principal.account_id), TreeChanged())

    async def remove_queued(self, principal: Principal, *, message_id: str) -> str:
        """Takes a turn back that waits for the reply before it; returns its text.

        Its client key goes on standing for it: who repeats the send does not send it again.
        Raises `NotFound`, `AlreadyBegun`.
        """
        conversation, turn, text = await self._database.write(
            lambda transaction: waiting.remove(transaction, principal, message_id),
            of=principal.account_id,
        )
        self._dispatch.withdraw(turn.run_id)
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())
        self._broadcast.publish(owner_topic(principal.account_id), TreeChanged())
        return text

    async def move_queued(self, principal: Principal, *, message_id: str, place: int) -> None:
        """Puts a waiting turn at this place behind the first reply of its branch that is not whole; 0 is the
        next.

        An edited message stays where it is: it is another version of what was said there.
        Raises `NotFound`, `AlreadyBegun`.
        """
        conversation, order = await self._database.write(
            lambda transaction: waiting.move(transaction, principal, message_id, place),
            of=principal.account_id,
        )
        self._dispatch.reorder(principal.account_id, [turn.run_id for turn in order])
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())

    async def _again(
        self, principal: Principal, message_id: str, client_key: str, model: str, *, continues: bool
    ) -> Turn:
        check_key(client_key)
        digest = _digest("continue" if continues else "regenerate", message_id, model)
        chosen = await self._model(model) if model else ""

        def work(transaction: Transaction) -> Made:
            if kept := kept_turn(transaction, principal, client_key, digest):
                return kept
            conversation, asked, reply = replied(transaction, principal, message_id)
            if not reply.status.is_final:
                raise ConversationBusy
            if continues and not reply.text:
                raise Invalid("There is no text to go on with.", advice="Please regenerate the reply.")
            return queue_run(
                transaction,
                conversation,
                asked,
                chosen or reply.model,
                (client_key, digest),
                continues=reply.id if continues else None,
                options=_as_before(transaction, reply, continues=continues),
            )

        return self._submitted(await self._database.write(work, of=principal.account_id))

    def _checked(self, text: str, options: RunOptions = NO_OPTIONS) -> str:
        text = clean(text)
        if not text.strip():
            raise EmptyMessage
        self._bounded(text)
        self._bounded(options.system or "")
        return text

    def _bounded(self, text: str) -> None:
        if len(text) > self._max_message_chars:
            raise MessageTooLong(
                f"The message has {len(text):,} characters; at most {self._max_message_chars:,} are possible."
            )

    async def _model_in(self, principal: Principal, conversation_id: str | None, model: str) -> str:
        if not model and conversation_id is not None:
            found = await self._database.read(
                lambda work: ConversationRepository(work).get(principal.account_id, conversation_id)
            )
            if found is not None and found.model:
                with suppress(NoModel):
                    return await self._model(found.model)
        return await self._model(model)

    def _listed(self, message: ChatMessage) -> ChatMessage:
        """A message of a list, its text as it can be kept. Replies may be longer than what people write."""
        text = clean(message.content)
        if message.role is not Role.ASSISTANT:
            self._bounded(text)
        return replace(message, content=text)

    async def _model(self, model: str) -> str:
        """The id of a model that can be asked."""
        if not model:
            return (await self._catalog.default()).id
        return await self._catalog.chosen(model)

    def _submitted(self, made: Made) -> Turn:
        note(run_id=made.turn.run_id)
        if made.run is not None:
            self._dispatch.submit(Job.of(made.run))
            self._broadcast.publish(conversation_topic(made.run.conversation_key), TreeChanged())
            self._broadcast.publish(owner_topic(made.run.owner_id), TreeChanged())
        return made.turn


def _as_before(transaction: Transaction, reply: Message, *, continues: bool) -> RunOptions:
    """Another reply is made as this one was; one that goes on where a limit ended it needs no limit."""
    run = RunRepository(transaction).get(reply.run_id) if reply.run_id else None
    options = run.options if run else NO_OPTIONS
    return replace(options, max_tokens=None) if continues else options


def _digest(*fields: str) -> str:
    return hashlib.sha256("\x00".join(fields).encode()).hexdigest()
