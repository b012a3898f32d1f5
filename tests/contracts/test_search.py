"""What is found is the same on both databases, however often the words are said."""

from datetime import UTC, datetime, timedelta
from functools import partial

from chatapp.domain.conversations import Conversation
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, TextPart
from chatapp.domain.search import Hit
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.deleted import DeletedRepository
from chatapp.storage.search import POOL, SearchRepository
from tests.storage.made import make_conversation, principal

ANN, NOW = principal("ann"), datetime.now(UTC)
COUNT = 800
#: Which messages have the word, by their place; the last one is the newest.
SAID = {
    "mostly": lambda place: place % 10 != 0,
    "often": lambda place: place % 5 == 0,
    "hardly": lambda place: place % 90 == 0,
    "formerly": lambda place: place < COUNT - 300,
    "lately": lambda place: place >= COUNT - 50,
    "nine-ten": lambda place: place % 9 == 0,
}


async def test_the_newest_that_have_the_words_are_found(database: Database):
    """By looking through the newest, or by the index, or by both; what is deleted never."""
    ids = await database.write(_said)
    for typed in ("mostly", "of", "hardl", "formerly", "lat", "often mos", "nine-te", "never"):
        words = typed.split()
        found = await database.read(partial(_found, words))
        having = [ids[place] for place in range(COUNT - 20) if _has(place, words)]
        assert {hit.message_id for hit in found} == set(having[-POOL:]), typed


def _found(words: list[str], transaction: Transaction) -> list[Hit]:
    return SearchRepository(transaction).find(ANN.account_id, words, limit=COUNT)


def _has(place: int, words: list[str]) -> bool:
    said = [word for word, is_said in SAID.items() if is_said(place)]
    return all(any(one.startswith(word) for one in said) for word in words)


def _said(transaction: Transaction) -> list[str]:
    """An owner's messages, the last ones deleted, beside those of somebody else who says the same."""
    ids: list[str] = []
    for owner in (ANN, principal("bob")):
        kept, gone = make_conversation(transaction, owner), make_conversation(transaction, owner)
        for place in range(COUNT if owner == ANN else 60):
            into = kept if place < COUNT - 20 else gone
            ids.append(_message(transaction, into, place))
        DeletedRepository(transaction).delete(gone.key, at=NOW)
    return ids


def _message(transaction: Transaction, conversation: Conversation, place: int) -> str:
    text = " ".join(["something", *(word for word, is_said in SAID.items() if is_said(place))])
    at = NOW - timedelta(minutes=COUNT - place)
    message = Message(id=new_id(), role=Role.USER, created_at=at, parts=(TextPart(text=text),))
    ConversationRepository(transaction).add_message(conversation, message)
    return message.id
