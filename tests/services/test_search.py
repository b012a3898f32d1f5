"""Search: whatever was said is found as one types, by its owner only, and no query is an error."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command

from chatapp.domain.messages import Message, Role, Status, TextPart
from chatapp.services.search import Hit, Search
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database
from chatapp.storage.migrate import config
from tests.chat import Chat, rows
from tests.databases import url_of
from tests.services.test_keeping import later, said
from tests.storage.indexed import assert_index_is_true
from tests.storage.made import make_conversation, opened_database, principal

QUERIES = [
    "",
    " ",
    '"',
    '""',
    "*",
    "a*",
    "NEAR",
    "NEAR(a b)",
    "AND",
    "a OR",
    "NOT a",
    "text : a",
    "^a",
    "a + b",
    "(",
    ")))",
    "{a b}: c",
    "\x00",
    "a\x00b",
    "\ud800",
    "🎉",
    "a🎉b",
    "𞤀𞤁",
    "\u0301",
    "-1",
    "a" * 10_000,
    "a " * 5_000,
    '"' * 10_000,
    "'; DROP TABLE messages; --",
    "%_",
]


async def find(chat: Chat, query: str, *, limit: int = 30) -> tuple[Hit, ...]:
    return await chat.services.search.find(chat.who, query, limit=limit)


async def found(chat: Chat, query: str) -> list[str]:
    """The ids of the messages that are found, "" for a title."""
    return [hit.message_id for hit in await find(chat, query)]


def marked(hit: Hit) -> list[str]:
    return [piece for piece, is_hit in hit.snippet if is_hit]


async def test_what_was_said_is_found_as_one_types(chat: Chat):
    """From the first letter to the last, whatever the case and the accents; the words found are marked."""
    turn = await chat.send("When was the Café de l'Époque opened? [n:3]")
    await chat.ended(turn)
    await chat.services.conversations.change(chat.who, turn.conversation_id, title="Quiz night")
    for query in ("e", "ép", "EPO", "epoque", "cafe epo", "  Café   ÉPOQUE ", "l'époque", '"epoque"'):
        (hit,) = await find(chat, query)
        assert (hit.message_id, hit.role) == (turn.user_message_id, Role.USER)
        assert (hit.conversation_id, hit.title) == (turn.conversation_id, "Quiz night")
        assert hit.at == (await chat.messages(turn))[0].created_at
        assert "".join(piece for piece, _ in hit.snippet) == "When was the Café de l'Époque opened? [n:3]"
        assert "Époque" in marked(hit)[-1]
    assert await found(chat, "epoque tea") == []
    assert await found(chat, "poque") == []


@pytest.mark.parametrize(
    ("said", "queries", "not_said"),
    [
        (
            "今日の天気は良いです、と言った",
            ("今日", "天気", "天", "良い", "た", "天気 言", "です、と"),
            "気天",
        ),
        ("생성형 인공지능을 배웁니다", ("생성형", "지능", "인공지능 배", "을"), "능지"),
        ("ภาษาไทยง่ายมาก", ("ภาษา", "ไทย", "ง่าย", "ไท มาก"), "ยไท"),
        ("最近のAIモデルはGPT-4より速い", ("AI", "モデル", "AIモデ", "gpt 速い", "より"), "ルデモ"),
        ("हिन्दी भाषा", ("हिन्दी", "भा"), "भाहि"),
        ("مرحبا بالعالم", ("مرحبا", "بال"), "عالم"),
        ("Приве́т, мир", ("привет", "МИ"), "ивет"),
    ],
)
async def test_other_scripts_are_found_by_a_character_or_two(
    database: Database, said: str, queries: tuple[str, ...], not_said: str
):
    """Where words are not parted by spaces, any part is one; the snippet shows what was said."""
    searched = Searched(database)
    for query in queries:
        hit = await searched.only(said, query)
        assert "".join(piece for piece, _ in hit.snippet) == said
        assert marked(hit), query
    assert await Search(database=database).find(principal(), not_said) == ()


async def test_replies_and_titles_are_found_too(chat: Chat):
    """A reply once it has ended, whatever its end; a title before messages."""
    chat.upstream.replies["answer"] = "The capital of Burkina Faso is Ouagadougou."
    turn = await chat.send("Tell me [say:answer]")
    await chat.ended(turn)
    assert await found(chat, "ouaga") == [turn.message_id]
    assert await found(chat, "burkina is") == [turn.message_id]
    assert (await find(chat, "ouaga"))[0].role is Role.ASSISTANT
    other = await chat.send("What does Ouagadougou mean? [n:3]", to="other")
    await chat.ended(other)
    assert await found(chat, "ouagadougou") == ["", other.user_message_id, turn.message_id]
    title = (await find(chat, "ouagadougou"))[0]
    assert (title.conversation_id, title.role, marked(title)) == ("other", None, ["Ouagadougou"])
    assert len(await find(chat, "ouagadougou", limit=2)) == 2


async def test_all_branches_are_searched(chat: Chat):
    """What was edited away is found where it is."""
    turn = await chat.send("Marmalade [n:3]", to="c")
    await chat.ended(turn)
    edited = await chat.services.turns.edit(
        chat.who, message_id=turn.user_message_id, text="Jam [n:3]", client_key="k"
    )
    await chat.ended(edited)
    assert (await found(chat, "marmalade"))[1:] == [turn.user_message_id]
    window = await chat.services.conversations.around(chat.who, "c", turn.user_message_id)
    assert window.snapshots[0].message.id == turn.user_message_id


async def test_the_newer_of_two_that_fit_as_well_comes_first(chat: Chat):
    """Same words, same length: only the time is between them."""
    turns = await said(chat, *(f"Same-words-{n}" for n in range(4)))
    for turn in turns:
        await chat.services.conversations.change(chat.who, turn.conversation_id, title="x")
    assert await found(chat, "same words") == [turn.user_message_id for turn in reversed(turns)]


async def test_nobody_finds_what_is_another_s(chat: Chat):
    """Not by its words, and not by the name of its owner, which is in the index as well."""
    ben = chat.of("ben")
    await ben.ended(await ben.send("Zanzibar [n:3]"))
    assert len(await find(ben, "zanz")) == 2
    for query in ("zanz", ben.who.account_id, f'zanz" OR owner : "{ben.who.account_id}', "owner:" + "z"):
        assert await find(chat, query) == ()
    await chat.ended(await chat.send("Zanzibar [n:3]"))
    assert len(await find(chat, "zanz")) == 2
    assert await find(chat, chat.who.account_id) == ()


async def test_what_is_deleted_or_cleared_is_not_found_until_it_is_back(chat: Chat):
    """And once it is purged nothing of it is left in the index."""
    keep = chat.services.conversations
    await said(chat, "Walrus")
    assert len(await find(chat, "walrus")) == 2
    await keep.delete(chat.who, "Walrus")
    assert await find(chat, "walrus") == ()
    await keep.restore(chat.who, "Walrus")
    token = await keep.clear(chat.who, "Walrus")
    assert await found(chat, "walrus") == [""]
    await keep.unclear(chat.who, "Walrus", token)
    assert len(await find(chat, "walrus")) == 2
    await keep.change(chat.who, "Walrus", title="Seal")
    assert len(await find(chat, "walrus")) == 1
    assert await found(chat, "seal") == [""]
    await keep.delete(chat.who, "Walrus")
    await keep.purge(now=later())
    for table in ("search_rows", "search_index"):
        assert rows(chat.services.settings, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_the_index_is_true_after_whatever_is_done(chat: Chat):
    """Each deed writes it in its own transaction: it holds what can be found, and nothing else."""
    turns, keep, url = chat.services.turns, chat.services.conversations, chat.services.settings.database_url
    (turn,) = await said(chat, "c")
    busy = await chat.send("日本語 [n:60 fault:hang at:20]", to="c")
    await chat.has_text(busy)
    waits = await chat.send("Waits [n:3]", to="c")
    edited = {"message_id": turn.user_message_id, "text": "Edited [n:3]", "client_key": "e"}
    for deed in (
        lambda: turns.change_queued(chat.who, message_id=waits.user_message_id, text="Other [n:3]"),
        lambda: turns.remove_queued(chat.who, message_id=waits.user_message_id),
        lambda: turns.edit(chat.who, **edited),
        lambda: turns.regenerate(chat.who, message_id=turn.message_id, client_key="r"),
        lambda: chat.stop(busy),
        lambda: keep.change(chat.who, "c", title="日本"),
        lambda: keep.clear(chat.who, "c"),
        lambda: chat.send("Since [n:3]", to="c"),
        lambda: keep.delete(chat.who, "c"),
        lambda: keep.restore(chat.who, "c"),
        lambda: keep.delete(chat.who, "c"),
        lambda: chat.send("Anew [n:3]", to="c"),
        lambda: keep.purge(now=later()),
    ):
        await deed()
        assert_index_is_true(url)
    assert sorted(await found(chat, "anew")) == sorted(["", (await chat.messages("c"))[0].id])


async def test_no_query_is_an_error(chat: Chat):
    """Whatever is typed or pasted is only ever words."""
    await chat.ended(await chat.send("Some words [n:3]"))
    for query in QUERIES:
        assert isinstance(await find(chat, query), tuple), query
    assert len(await find(chat, "some words")) == 2


async def test_a_snippet_is_a_part_of_a_long_text(chat: Chat):
    """The part around the words, with a mark where it was cut."""
    await chat.ended(await chat.send("before " * 500 + "needle" + " after" * 500))
    (hit,) = await find(chat, "needle")
    whole = "".join(piece for piece, _ in hit.snippet)
    assert (whole[0], whole[-1]) == ("…", "…")
    assert len(whole) < 300
    assert marked(hit) == ["needle"]


async def test_what_was_there_before_search_is_found(database_file: Path):
    """The migration fills the index, and what it fills is what the triggers write.

    On PostgreSQL there has been search from the first day.
    """
    async with opened_database(url_of(database_file)) as database:
        await Searched(database).only("An old needle\ue000 [n:3]")

    def contents() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(database_file)) as connection:
            return connection.execute("SELECT owner, title, text FROM search_index ORDER BY 2, 3").fetchall()

    before = contents()
    with closing(sqlite3.connect(database_file)) as connection:
        connection.executescript(UNDO_MIGRATION)
    database = Database(url_of(database_file))
    await database.write(lambda connection: command.upgrade(config(connection), "0003"))
    await database.close()
    assert contents() == before


UNDO_MIGRATION = """
DROP TRIGGER search_message_added; DROP TRIGGER search_message_changed;
DROP TRIGGER search_title_added; DROP TRIGGER search_title_changed;
DROP TABLE search_rows; DROP TABLE search_index;
UPDATE alembic_version SET version_num = '0002';
"""


class Searched:
    """One conversation with one message at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._search = Search(database=database)

    async def only(self, text: str, query: str = "needle") -> Hit:
        """The one hit when this is the only text."""

        def work(transaction) -> None:
            transaction.exec_driver_sql("DELETE FROM conversations")
            conversation = make_conversation(transaction, principal())
            message = Message(
                id="m",
                role=Role.USER,
                created_at=datetime.now(UTC),
                parts=(TextPart(text=text),),
                status=Status.COMPLETE,
            )
            ConversationRepository(transaction).add_message(conversation, message)

        await self._database.write(work)
        (hit,) = await self._search.find(principal(), query)
        return hit
