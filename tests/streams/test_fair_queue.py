"""Who is served next: everybody in turn, and nobody's flood is anybody else's wait."""

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatapp.streams.base import Job
from chatapp.streams.fair_queue import FairQueue
from tests.waiting import until

SLOTS, SLOTS_PER_OWNER = 3, 2


def job(run_id: str, *, owner: str = "ann", conversation: int = 0) -> Job:
    return Job(run_id=run_id, owner_id=owner, conversation_key=conversation, message_id=f"m{run_id}")


async def take_now(queue: FairQueue) -> Job | None:
    """The next job if there is one to be had at once."""
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    if taking.done():
        return taking.result()
    taking.cancel()
    await asyncio.wait([taking])
    return None


class QueueMachine(RuleBasedStateMachine):
    """Anything that can happen to a queue, beside its plainest model: a list, and who was passed over."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue(slots=SLOTS, slots_per_owner=SLOTS_PER_OWNER)
        self.loop = asyncio.new_event_loop()
        self.waiting: list[Job] = []
        self.active: list[Job] = []
        self.made = 0
        #: Owner -> how many others were served since this one began to wait or was last served.
        self.passed_over: dict[str, int] = {}

    def teardown(self) -> None:
        self.loop.close()

    @rule(owner=st.sampled_from("abcd"), conversation=st.integers(0, 2))
    def put(self, owner: str, conversation: int) -> None:
        self.made += 1
        new = job(str(self.made), owner=owner, conversation=ord(owner) * 10 + conversation)
        self.queue.put(new)
        self.waiting.append(new)

    @rule(data=st.data())
    @precondition(lambda self: self.waiting or self.active)
    def put_again(self, data: st.DataObject) -> None:
        """The scan finds what is here already: nothing changes."""
        self.queue.put(data.draw(st.sampled_from(self.waiting + self.active)))

    @rule()
    def take(self) -> None:
        takable = [one for one in self.waiting if self.may_begin(one)]
        taken = self.loop.run_until_complete(take_now(self.queue))
        if taken is None:
            assert not takable, "a slot stays empty while somebody may use it"
            return
        assert taken in takable
        firsts = [one for one in takable if one.owner_id == taken.owner_id]
        assert taken == firsts[0], "an owner's runs change their order"
        self.waiting.remove(taken)
        self.active.append(taken)
        self.count_turns(taken, {one.owner_id for one in takable})

    def count_turns(self, taken: Job, could: set[str]) -> None:
        for owner in list(self.passed_over):
            if owner not in could:
                del self.passed_over[owner]
        for owner in could - {taken.owner_id}:
            self.passed_over[owner] = self.passed_over.get(owner, 0) + 1
            assert self.passed_over[owner] <= 3, "somebody was served twice while another waited"
        self.passed_over.pop(taken.owner_id, None)

    def may_begin(self, one: Job) -> bool:
        of_owner = sum(other.owner_id == one.owner_id for other in self.active)
        conversations = {other.conversation_key for other in self.active}
        return (
            len(self.active) < SLOTS
            and of_owner < SLOTS_PER_OWNER
            and one.conversation_key not in conversations
        )

    @rule(data=st.data())
    @precondition(lambda self: self.active)
    def done(self, data: st.DataObject) -> None:
        ended = data.draw(st.sampled_from(self.active))
        self.queue.done(ended)
        self.active.remove(ended)

    @rule(data=st.data())
    @precondition(lambda self: self.waiting)
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.waiting))
        assert self.queue.remove(gone.run_id) == gone
        assert self.queue.remove(gone.run_id) is None
        self.waiting.remove(gone)
        if all(one.owner_id != gone.owner_id for one in self.waiting):
            self.passed_over.pop(gone.owner_id, None)

    @rule(data=st.data())
    @precondition(lambda self: self.waiting)
    def reorder(self, data: st.DataObject) -> None:
        """Some of an owner's jobs change places with each other; jobs that do not wait are passed over."""
        one = data.draw(st.sampled_from(self.waiting))
        own = [other for other in self.waiting if other.owner_id == one.owner_id]
        order = data.draw(st.lists(st.sampled_from(own), unique=True).flatmap(st.permutations))
        self.queue.reorder(one.owner_id, ["gone", *(other.run_id for other in order), "never put"])
        places = sorted(self.waiting.index(other) for other in order)
        for place, other in zip(places, order, strict=True):
            self.waiting[place] = other

    @rule(data=st.data())
    @precondition(lambda self: self.active)
    def remove_what_does_not_wait(self, data: st.DataObject) -> None:
        assert self.queue.remove(data.draw(st.sampled_from(self.active)).run_id) is None

    @invariant()
    def places_are_a_queue(self) -> None:
        """Everybody who waits has one place, 1 is the first, and an owner's runs keep their order."""
        places = {one.run_id: place for one, place in self.queue.positions()}
        assert sorted(places.values()) == list(range(1, len(self.waiting) + 1))
        assert places.keys() == {one.run_id for one in self.waiting}
        for owner in "abcd":
            own = [places[one.run_id] for one in self.waiting if one.owner_id == owner]
            assert own == sorted(own)

    @invariant()
    def it_knows_what_it_holds(self) -> None:
        assert all(one.run_id in self.queue for one in self.waiting + self.active)
        assert "never put" not in self.queue


TestQueue = QueueMachine.TestCase


async def test_a_flood_does_not_delay_the_others():
    """Behind a hundred runs of one owner another's first run is the second to begin."""
    queue = FairQueue(slots=1, slots_per_owner=1)
    for number in range(100):
        queue.put(job(f"flood{number}", owner="ann", conversation=number))
    queue.put(job("mine", owner="ben", conversation=1000))
    assert {one.run_id: place for one, place in queue.positions()}["mine"] == 2
    first = await queue.take()
    queue.done(first)
    assert (await queue.take()).run_id == "mine"


async def test_an_owner_has_so_many_slots_and_no_more():
    """Free slots stay free for others; the end of one of the owner's runs lets the next one in."""
    queue = FairQueue(slots=5, slots_per_owner=2)
    for number in range(4):
        queue.put(job(str(number), conversation=number))
    first, second = await take_now(queue), await take_now(queue)
    assert first is not None
    assert second is not None
    assert await take_now(queue) is None
    queue.put(job("other", owner="ben", conversation=9))
    assert (other := await take_now(queue)) is not None
    assert other.run_id == "other"
    queue.done(first)
    assert (third := await take_now(queue)) is not None
    assert third.run_id == "2"
    assert await take_now(queue) is None


async def test_take_waits_for_a_job_and_for_a_slot():
    """A worker that waits is woken by a new job, and by the end of another."""
    queue = FairQueue(slots=1, slots_per_owner=1)
    taken: list[Job] = []

    async def work() -> None:
        while True:
            taken.append(await queue.take())

    worker = asyncio.create_task(work())
    first, second = job("1", conversation=1), job("2", conversation=2)
    await asyncio.sleep(0)
    queue.put(first)
    queue.put(second)
    await until(lambda: taken == [first])
    queue.done(first)
    await until(lambda: taken == [first, second])
    worker.cancel()


async def test_a_worker_that_gives_up_waiting_takes_no_job_with_it():
    """A take that is cancelled leaves the queue as it was."""
    queue = FairQueue(slots=1, slots_per_owner=1)
    waiting = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    queue.put(job("1"))
    assert (await queue.take()).run_id == "1"


async def test_a_conversation_has_one_run_at_a_time_and_others_go_by():
    """The second turn of a conversation waits for the first; a turn elsewhere does not wait behind it."""
    queue = FairQueue(slots=5, slots_per_owner=5)
    for one in (job("1", conversation=1), job("2", conversation=1), job("3", conversation=2)):
        queue.put(one)
    first = await take_now(queue)
    assert first is not None
    assert first.run_id == "1"
    assert (other := await take_now(queue)) is not None
    assert other.run_id == "3"
    assert await take_now(queue) is None
    queue.done(first)
    assert (last := await take_now(queue)) is not None
    assert last.run_id == "2"
