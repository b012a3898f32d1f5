"""Any disconnect point resumes to the same text: readers come and go at random moments of real replies."""

import asyncio
import random

from chatapp.domain.messages import Status
from chatapp.domain.runs import Turn
from tests.chat import Chat, Follower, Opening
from tests.upstream import text
from tests.waiting import until

TOKENS = 150


async def test_readers_who_come_at_any_moment_all_see_the_same_reply(chat: Chat):
    """Early, late, or returning, a reader who watches and then loads has no gap and no doubled word; what it
    is shown only ever grows, and its last picture is the stored message in every field."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chances = random.Random(seed)
    turn = await chat.send(f"Go [n:{TOKENS} r:200]")
    readers = [asyncio.create_task(_read(chat, turn, chances.uniform(0, 0.9))) for _ in range(40)]
    final = await chat.ended(turn)
    assert (final.text, final.status) == (text(TOKENS), Status.COMPLETE)
    for reader in await asyncio.gather(*readers):
        await until(lambda reader=reader: reader.ended)
        assert reader.snapshot is not None
        assert reader.snapshot.message == final
        for before, after in zip(reader.shown, reader.shown[1:], strict=False):
            assert after.startswith(before)
    late = (await chat.snapshots(turn))[-1]
    assert late.message == final


async def _read(chat: Chat, turn: Turn, pause: float) -> Follower:
    await asyncio.sleep(pause)
    return await Follower(chat, turn).open()


async def test_a_reader_who_comes_back_gets_what_it_missed(chat: Chat):
    """It closes, and later goes on from its own snapshot: the window brings it up to date without a jump."""
    turn = await chat.send(f"Go [n:{TOKENS} r:200]")
    seen: list[str] = []
    while True:
        reader = await Follower(chat, turn).open()
        snapshot = reader.snapshot
        assert snapshot is not None
        seen.append(snapshot.message.text)
        reader.close()
        heard = len(reader.shown)
        if snapshot.message.status.is_final:
            break
        await chat.when(turn, lambda m, s=snapshot: m.status.is_final or len(m.text) > len(s.message.text))
        assert len(reader.shown) == heard, "a closed reader was told more"
    assert seen[-1] == text(TOKENS)
    assert all(text(TOKENS).startswith(one) for one in seen)
    assert len(seen) > 3


async def test_a_snapshot_says_what_it_covers(chat: Chat):
    """Text and cursor belong together: what a reader folded is what is stored, seq included."""
    turn = await chat.send("Go [n:40 r:100]")
    reader = await Follower(chat, turn).open()
    await until(lambda: reader.ended)
    stored = (await chat.snapshots(turn))[-1]
    assert reader.snapshot == stored
    assert stored.seq > 2


async def test_a_reader_after_a_restart_goes_on(opening: Opening):
    """The services close in mid-reply and open again: the reply goes on from the text that was shown, and a
    reader of the new process sees it to its end."""
    async with opening() as chat:
        turn = await chat.send(f"Go [n:{TOKENS} r:150]")
        await chat.has_text(turn, chars=60)
        before = await Follower(chat, turn).open()
    async with opening() as chat:
        after = await Follower(chat, turn).open()
        final = await chat.ended(turn)
        await until(lambda: after.ended)
    assert final.text == text(TOKENS)
    assert final.text.startswith(before.shown[-1])
    assert after.shown[0].startswith(before.shown[-1])
    assert len(chat.upstream.requests) == 2
    assert chat.upstream.requests[1].body["messages"][-1]["role"] == "assistant"


async def test_a_restart_with_a_server_that_starts_again_shows_nothing_twice(opening: Opening):
    """The second attempt's repetition is recognised; readers see the text stand still, then grow."""
    async with opening() as chat:
        chat.upstream.continuation = "restart"
        turn = await chat.send(f"Go [n:{TOKENS} r:150]")
        await chat.has_text(turn, chars=60)
    async with opening() as chat:
        after = await Follower(chat, turn).open()
        assert (await chat.ended(turn)).text == text(TOKENS)
        assert all(text(TOKENS).startswith(shown) for shown in after.shown)
