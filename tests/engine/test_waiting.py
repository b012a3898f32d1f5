"""More replies than MAX_CONCURRENT_STREAMS wait in a fair order, and see their place."""

from chatapp.domain.messages import Status
from chatapp.services.following import Queued
from tests.chat import Chat, Opening
from tests.upstream import text
from tests.waiting import until


async def test_as_many_at_once_as_allowed_and_the_rest_in_turn(opening: Opening):
    """Never more streams than slots; every reply is made in the end; nobody's second goes before another's
    first."""
    async with opening(MAX_CONCURRENT_STREAMS="3", MAX_STREAMS_PER_USER="2") as chat:
        people = [chat.of(name) for name in "abcd"]
        turns = [
            (one, await one.send(f"{n} [n:8 r:60 id:{one.who.account_id}-{n}]"))
            for n in range(3)
            for one in people
        ]
        most = 0

        def all_asked() -> bool:
            nonlocal most
            most = max(most, chat.upstream.open_streams)
            return len(chat.upstream.requests) == 12 and chat.upstream.open_streams == 0

        await until(all_asked, seconds=15)
        for one, turn in turns:
            assert (await one.ended(turn)).text == text(8)
        assert most == 3
        order = [request.knobs.id for request in chat.upstream.requests]
        firsts = [order.index(f"{one.who.account_id}-0") for one in people]
        seconds = [order.index(f"{one.who.account_id}-2") for one in people]
        assert max(firsts) < min(seconds)


async def test_one_person_does_not_take_all_slots(opening: Opening):
    """MAX_STREAMS_PER_USER holds, whatever is free."""
    async with opening(MAX_STREAMS_PER_USER="2") as chat:
        turns = [await chat.send(f"{n} [n:30 r:30]") for n in range(5)]
        most = 0

        def seen() -> bool:
            nonlocal most
            most = max(most, chat.upstream.open_streams)
            return len(chat.upstream.requests) == 5

        await until(seen)
        for turn in turns:
            await chat.ended(turn)
        assert most == 2


async def test_who_waits_is_told_the_place(opening: Opening):
    """Each listener hears its message's place, and hears it become smaller."""
    async with opening(MAX_CONCURRENT_STREAMS="1") as chat:
        running = await chat.send("Long [n:500 r:50]")
        await chat.has_text(running)
        waiting = [chat.of(name) for name in "bcd"]
        places: list[list[int]] = [[], [], []]
        turns = []
        for one, heard in zip(waiting, places, strict=True):
            earlier = await one.send("First [n:2]", to="mine")
            await one.stop(earlier)
            await one.ended(earlier)
            await _listen(one, heard)
            turns.append(await one.send("Wait [n:2]", to="mine"))
        await until(lambda: [heard[-1:] for heard in places] == [[1], [2], [3]])
        assert (await waiting[2].reply(turns[2])).status is Status.QUEUED
        await chat.stop(running)
        for one, turn in zip(waiting, turns, strict=True):
            assert (await one.ended(turn)).status is Status.COMPLETE
        assert places[2][-1] == 1


async def _listen(one: Chat, heard: list[int]) -> None:
    def listener(notice: object) -> None:
        if isinstance(notice, Queued):
            heard.append(notice.position)

    await one.services.following.watch(one.who, "mine", listener)
