"""Conversations that are already there when the users come."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, TextPart
from chatapp.services.cookies import LoginCookies
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.migrate import migrate

#: About what people and models write.
TEXTS = {
    Role.USER: "What about this? " * 8,
    Role.ASSISTANT: "It **depends** on the `case`, as a rule.\n\n" * 18,
}


async def fill(url: str, messages: int, users: Sequence[tuple[str, str]], cookies: LoginCookies) -> None:
    """Writes a conversation of so many messages for each (cookie, conversation id)."""
    database = Database(url)
    await migrate(database)
    for cookie, conversation_id in users:
        await database.write(
            lambda transaction, c=cookie, i=conversation_id: _write(transaction, messages, c, i, cookies)
        )
    await database.close()


def _write(
    transaction: Transaction, messages: int, cookie: str, conversation_id: str, cookies: LoginCookies
) -> None:
    claim = cookies.read(cookie.partition("=")[2])
    principal = claim.principal() if claim else None
    assert principal is not None
    at = datetime.now(UTC) - timedelta(days=1)
    AccountRepository(transaction).ensure(principal, at=at)
    conversations = ConversationRepository(transaction)
    conversation = conversations.add(
        conversation_id=conversation_id, owner_id=principal.account_id, title="Before", at=at
    )
    parent: str | None = None
    for number in range(messages):
        role = Role.ASSISTANT if number % 2 else Role.USER
        message = Message(
            id=new_id(),
            role=role,
            created_at=at + timedelta(seconds=number),
            parent_id=parent,
            parts=(TextPart(text=TEXTS[role]),),
        )
        conversations.add_message(conversation, message)
        parent = message.id
    conversations.touch(conversation.key, leaf_id=parent or "", model="", at=at)
