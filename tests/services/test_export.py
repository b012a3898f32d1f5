"""The export: everything that is one's own, in a shape that programs can rely on."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

import pytest

from chatapp.domain.errors import NotSignedIn, TooMany
from chatapp.domain.feedback import Rating
from chatapp.services.own_data import BATCH
from chatapp.storage.database import Database
from tests.chat import Chat, rows
from tests.storage.made import lengthened, principal
from tests.waiting import until


def pieces(chat: Chat) -> AsyncGenerator[bytes]:
    return chat.services.own_data.export(chat.who)


async def exported(chat: Chat) -> dict[str, Any]:
    return json.loads(b"".join([piece async for piece in pieces(chat)]))


async def test_all_branches_of_all_conversations_are_in_it(chat: Chat):
    """Archived ones too; not what was deleted, and nothing of anybody else."""
    first = await chat.send("One [n:5]", to="one")
    await chat.ended(first)
    again = await chat.services.turns.regenerate(chat.who, message_id=first.message_id, client_key="again")
    await chat.ended(again)
    await chat.ended(await chat.send("Two „…“ 🙂 </script> [n:5]", to="two"))
    await chat.ended(await chat.send("Gone [n:5]", to="gone"))
    await chat.services.conversations.change(chat.who, "two", archived=True)
    await chat.services.conversations.delete(chat.who, "gone")
    ben = chat.of("ben")
    await ben.ended(await ben.send("His [n:5]"))
    one, two = (await exported(chat))["conversations"]
    assert (one["id"], one["archived"], two["id"], two["archived"]) == ("one", False, "two", True)
    assert one["leaf_id"] == again.message_id
    by_id = {message["id"]: message for message in one["messages"]}
    assert set(by_id) == {first.user_message_id, first.message_id, again.message_id}
    assert by_id[first.message_id]["parent_id"] == by_id[again.message_id]["parent_id"]
    assert by_id[first.user_message_id]["parent_id"] is None
    assert two["messages"][0]["text"] == "Two „…“ 🙂 </script> [n:5]"
    assert two["messages"][1]["text"] == (await chat.messages("two"))[1].text


async def test_its_shape_is_stable(chat: Chat):
    """Programs read it: names are added, and none is changed. Times are ISO 8601 in UTC."""
    await chat.ended(await chat.send("Think [n:5 reasoning:3]"))
    document = await exported(chat)
    assert {name: document[name] for name in ("format", "version")} == {
        "format": "chatapp-export",
        "version": 1,
    }
    assert list(document) == ["format", "version", "exported_at", "account", "usage", "conversations"]
    assert list(document["account"]) == [
        "id", "kind", "email", "name", "role", "created_at", "api_keys",
    ]  # fmt: skip
    (conversation,) = document["conversations"]
    assert list(conversation) == [
        "id", "title", "created_at", "updated_at", "model", "pinned", "archived", "leaf_id", "messages",
    ]  # fmt: skip
    asked, reply = conversation["messages"]
    assert list(asked) == list(reply) == [
        "id", "parent_id", "role", "created_at", "status", "model", "text", "parts", "seams",
        "finish_reason", "usage", "failure", "left_out", "feedback",
    ]  # fmt: skip
    assert asked["parts"] == [{"text": "Think [n:5 reasoning:3]", "kind": "text"}]
    assert (asked["role"], reply["role"], reply["status"]) == ("user", "assistant", "complete")
    assert set(reply["usage"]) == {"input_tokens", "output_tokens"}
    assert (asked["feedback"], reply["feedback"]) == (None, None)
    (used,) = document["usage"]
    assert list(used) == ["date", "model", "runs", "input_tokens", "output_tokens"]
    assert {name: used[name] for name in reply["usage"]} == reply["usage"]
    times = [document["exported_at"], document["account"]["created_at"], conversation["updated_at"]]
    for time in [*times, reply["created_at"]]:
        assert time.endswith("Z")
        assert datetime.fromisoformat(time).utcoffset() == timedelta()


async def test_what_one_thinks_of_replies_is_in_it(chat: Chat):
    turn = await chat.send("One [n:2]")
    await chat.ended(turn)
    give = chat.services.feedback.give
    await give(chat.who, message_id=turn.message_id, value=Rating.BAD, comment="Too short.")
    feedback = (await exported(chat))["conversations"][0]["messages"][1]["feedback"]
    assert (feedback["value"], feedback["comment"]) == ("bad", "Too short.")
    assert feedback["at"].endswith("Z")


async def test_it_comes_in_pieces(chat: Chat):
    """A long conversation is never in memory as a whole, and all of it comes."""
    turn = await chat.send("One [n:2]", to="long")
    await chat.ended(turn)
    count = 3 * BATCH
    database = Database(chat.services.settings.database_url)
    await database.write(lambda transaction: lengthened(transaction, chat.who, "long", count))
    await database.close()
    sizes = [len(piece) async for piece in pieces(chat)]
    (conversation,) = (await exported(chat))["conversations"]
    assert len(conversation["messages"]) == count + 2
    assert max(sizes) < sum(sizes) / 2


async def test_a_reply_that_is_being_made_is_there_so_far(chat: Chat):
    turn = await chat.send("Talk [n:400 r:50]")
    await chat.has_text(turn, chars=10)
    reply = (await exported(chat))["conversations"][0]["messages"][1]
    assert reply["status"] == "streaming"
    assert reply["text"]
    await chat.stop(turn)
    await chat.ended(turn)


async def test_somebody_who_has_nothing_gets_a_whole_document(chat: Chat):
    document = await exported(chat.of("new"))
    assert document["conversations"] == []
    assert document["account"]["id"] == principal("new").account_id


async def test_one_at_a_time(chat: Chat):
    """An export reads much: whoever wants a second one waits. One that is broken off does not count."""
    async with aclosing(pieces(chat)) as running:
        await anext(running)
        with pytest.raises(TooMany):
            await anext(pieces(chat))
        await anext(pieces(chat.of("ben")))
    assert await exported(chat)


async def test_it_ends_when_the_login_does(chat: Chat):
    """In the middle of it too."""
    await chat.ended(await chat.send("One [n:5]"))
    async with aclosing(pieces(chat)) as running:
        await anext(running)
        await chat.services.accounts.revoke(chat.who.login_id)
        with pytest.raises(NotSignedIn):
            await anext(running)


async def test_it_is_in_the_audit_log(chat: Chat):
    """For those who have an account that is written down."""
    await exported(chat)
    query = "SELECT kind, account_id FROM security_events"
    assert rows(chat.services.settings, query) == []
    await chat.ended(await chat.send("One [n:5]"))
    await exported(chat)
    await until(lambda: rows(chat.services.settings, query) == [("data_exported", chat.who.account_id)])
