"""Rows to test with: owners, conversations and runs in any state, written by the repositories."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, Status, TextPart
from chatapp.domain.runs import Run
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.migrate import migrate
from chatapp.storage.runs import RunRepository
from tests.databases import make_schema


@asynccontextmanager
async def opened_database(url: str) -> AsyncGenerator[Database]:
    """The database, its schema up to date."""
    make_schema(url)
    database = Database(url)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


def principal(name: str = "ann") -> Principal:
    """Somebody who came in as a guest, the same for the same name."""
    return Principal(
        account_id=name.encode().hex().ljust(32, "0"),
        login_id=name.encode().hex().ljust(32, "1"),
        kind=AccountKind.GUEST,
        expires_at=datetime(2090, 1, 1, tzinfo=UTC),
    )


def make_conversation(transaction: Transaction, owner: Principal) -> Conversation:
    """An empty conversation of this owner."""
    at = datetime.now(UTC)
    AccountRepository(transaction).ensure(owner, at=at)
    return ConversationRepository(transaction).add(
        conversation_id=new_id(), owner_id=owner.account_id, title="Test", at=at
    )


def make_run(
    transaction: Transaction, conversation: Conversation, *, text: str = "Hello", after: str | None = None
) -> Run:
    """A user's message that follows another or none, and the queued run that answers it."""
    at = datetime.now(UTC)
    user = Message(id=new_id(), role=Role.USER, created_at=at, parent_id=after, parts=(TextPart(text=text),))
    run = Run(
        id=new_id(),
        owner_id=conversation.owner_id,
        conversation_key=conversation.key,
        message_id=new_id(),
        model="openai:mock",
        status=Status.QUEUED,
        created_at=at,
    )
    conversations = ConversationRepository(transaction)
    conversations.add_message(conversation, user)
    reply = replace(
        user, id=run.message_id, role=Role.ASSISTANT, parent_id=user.id, parts=(), status=Status.QUEUED
    )
    reply = replace(reply, run_id=run.id, created_at=at + timedelta(milliseconds=1))
    conversations.add_message(conversation, reply)
    RunRepository(transaction).add(run, user_message_id=user.id, client_key=new_id(), client_digest="")
    conversations.touch(conversation.key, leaf_id=reply.id, model=run.model, at=at)
    return run


def lengthened(transaction: Transaction, owner: Principal, conversation_id: str, count: int) -> None:
    """So many more messages in the owner's conversation, one after another."""
    conversations = ConversationRepository(transaction)
    conversation = conversations.get(owner.account_id, conversation_id)
    assert conversation is not None
    for number in range(count):
        text = TextPart(text=f"Message {number}")
        message = Message(id=new_id(), role=Role.USER, created_at=datetime.now(UTC), parts=(text,))
        conversations.add_message(conversation, message)


async def queued(database: Database, *, owner: str = "ann") -> Run:
    """A queued run in a conversation of its own."""
    return await database.write(lambda t: make_run(t, make_conversation(t, principal(owner))))


async def claimed(database: Database, run: Run) -> Run:
    """The run as its next attempt has it."""
    won = await database.write(lambda transaction: RunRepository(transaction).claim(run))
    assert won
    return replace(run, attempt=run.attempt + 1, status=Status.STREAMING)


async def streaming(database: Database, *, owner: str = "ann") -> Run:
    """A run in its first attempt."""
    return await claimed(database, await queued(database, owner=owner))
