"""Stop is a person's word: the model is told within a second, and what was written stays."""

import asyncio
import random

from chatapp.domain.messages import Status
from tests.chat import Chat, Follower, Opening
from tests.upstream import text
from tests.waiting import until


async def test_stop_reaches_the_model_within_a_second_and_keeps_the_text(chat: Chat):
    """The upstream sees the connection close; the reply is what was shown, marked as stopped."""
    turn = await chat.send("Go [n:1000 r:50 id:go]")
    await chat.has_text(turn, chars=20)
    reader = await Follower(chat, turn).open()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await chat.stop(turn)
    await asyncio.wait_for(chat.request("go").ended.wait(), 1)
    assert loop.time() - began < 1
    assert chat.request("go").outcome == "closed"
    stopped = await chat.ended(turn, seconds=1)
    assert stopped.status is Status.STOPPED
    assert stopped.failure is None
    assert text(1000).startswith(stopped.text)
    assert len(stopped.text) >= 20
    await until(lambda: reader.ended)
    assert reader.shown[-1] == stopped.text


async def test_stop_before_the_first_word(chat: Chat):
    """A model that still thinks is stopped as well; the reply is empty and says that it was stopped."""
    turn = await chat.send("Go [t:5000 id:slow]")
    await until(lambda: chat.upstream.requests)
    await chat.stop(turn)
    stopped = await chat.ended(turn, seconds=1)
    assert (stopped.status, stopped.text) == (Status.STOPPED, "")
    await asyncio.wait_for(chat.request("slow").ended.wait(), 1)


async def test_stop_while_it_waits(opening: Opening):
    """A reply that has not begun ends at once, without a slot and without a request to the model."""
    async with opening(MAX_CONCURRENT_STREAMS="1") as chat:
        running = await chat.send("Long [n:500 r:50]")
        await chat.has_text(running)
        waiting = await chat.send("Next [n:5 id:never]", to=running)
        await chat.stop(waiting)
        assert (await chat.ended(waiting, seconds=1)).status is Status.STOPPED
        assert (await chat.reply(running)).status is Status.STREAMING
        assert len(chat.upstream.requests) == 1
        await chat.stop(running)
        await chat.ended(running)
        after = await chat.send("After [n:5]", to=running)
        assert (await chat.ended(after)).text == text(5)


async def test_stopping_what_has_ended_changes_nothing(chat: Chat):
    """A click that comes too late is no error and takes nothing back."""
    turn = await chat.send("Go [n:5]")
    whole = await chat.ended(turn)
    await chat.stop(turn)
    assert await chat.reply(turn) == whole


async def test_stopping_twice_is_stopping(chat: Chat):
    """Two tabs may press Stop at once."""
    turn = await chat.send("Go [n:1000 r:50]")
    await chat.has_text(turn)
    await asyncio.gather(*(chat.stop(turn) for _ in range(5)))
    assert (await chat.ended(turn, seconds=1)).status is Status.STOPPED


async def test_a_stop_at_any_moment_ends_the_reply_for_every_reader(chat: Chat):
    """Between claim, first word, last word and end there is no moment at which a stop is lost, or at which
    a reader is left waiting for an end that was never told."""
    chances = random.Random(20261121)

    async def once(number: int) -> None:
        who = chat.of(f"reader{number % 10}")
        turn = await who.send("Short [n:6 r:100]")
        reader = await Follower(who, turn).open()
        await asyncio.sleep(chances.uniform(0, 0.35))
        await who.stop(turn)
        ended = await who.ended(turn, seconds=5)
        assert ended.status in {Status.STOPPED, Status.COMPLETE}
        assert text(6).startswith(ended.text)
        await until(lambda: reader.ended)
        assert reader.snapshot is not None
        assert reader.snapshot.message == ended

    for _ in range(4):
        await asyncio.gather(*map(once, range(20)))
