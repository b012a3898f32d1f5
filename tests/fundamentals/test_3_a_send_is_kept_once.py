"""A send is idempotent: the client makes up a key, and the same key is the same turn."""

import pytest

from chatapp.domain.errors import KeyReused
from tests.chat import Chat


async def test_a_retry_is_not_a_second_message(chat: Chat):
    """A client that heard no answer sends again without fear."""
    first = await chat.send("Hello [n:3]", key="a-key-of-the-client")
    assert await chat.send("Hello [n:3]", key="a-key-of-the-client") == first
    assert len(await chat.messages(first)) == 2


async def test_a_key_belongs_to_one_text(chat: Chat):
    """The same key with another text is a mistake that is told, not guessed at."""
    await chat.send("Hello [n:3]", key="a-key-of-the-client")
    with pytest.raises(KeyReused):
        await chat.send("Goodbye [n:3]", key="a-key-of-the-client")
