"""Long conversations that are already there: written into the server's database beside it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, TextPart
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from tests.app_server import AppServer
from tests.e2e.stored import owner_of

#: What people paste and models write; each must be as harmless as the others.
HOSTILE: Final = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "| a | b |\n|---|---|\n" + "| `x` | y |\n" * 12,
    "```python\n" + "print('x' * 40)\n" * 25 + "```",
    "\u202eright to left\u202c " + "z\u0335\u0321" * 60,
    "x" * 1_500,
    "[link](javascript:alert(3)) ![pixel](https://example.invalid/p.png)\n\n" + "- item\n" * 20,
    "{{constructor.constructor('alert(4)')()}} ${alert(5)} \\u0000",
)


async def lengthen(server: AppServer, conversation_id: str, count: int) -> list[str]:
    """Add so many numbered messages to the end of a conversation that is not being answered; their ids."""
    database = Database(f"sqlite:///{server.data_dir / 'chatapp.db'}")
    owner_id = await asyncio.to_thread(owner_of, server.data_dir, conversation_id)
    try:
        return await database.write(lambda transaction: _add(transaction, owner_id, conversation_id, count))
    finally:
        await database.close()


def _add(transaction: Transaction, owner_id: str, conversation_id: str, count: int) -> list[str]:
    conversations = ConversationRepository(transaction)
    conversation = conversations.get(owner_id, conversation_id)
    assert conversation is not None
    parent, at, ids = conversation.leaf_id, datetime.now(UTC), list[str]()
    for number in range(count):
        message = Message(
            id=new_id(),
            role=Role.ASSISTANT if number % 2 else Role.USER,
            created_at=at + timedelta(milliseconds=number),
            parent_id=parent,
            parts=(TextPart(text=_words(number)),),
        )
        conversations.add_message(conversation, message)
        parent = message.id
        ids.append(message.id)
    conversations.touch(conversation.key, leaf_id=ids[-1], model=conversation.model, at=at)
    return ids


def _words(number: int) -> str:
    if number % 2 == 0:
        return f"Question {number}: " + "what about this? " * (number % 7)
    body = "It **depends** on the `case`, as a rule, and now and then on the weather.\n\n" * (1 + number % 9)
    return f"Answer {number}. {body}\n\n{HOSTILE[number // 2 % len(HOSTILE)] if number % 6 == 1 else ''}"
