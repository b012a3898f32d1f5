"""One try of a fault: people talk, it happens, everything ends as if it had not."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import uuid4

from playwright.async_api import Browser

from tests.chaos.bed import Bed
from tests.chaos.checks import Talk, all_is_right
from tests.chaos.lateness import Lateness
from tests.chaos.onlookers import Onlooker
from tests.chaos.people import Person, Reply, client
from tests.upstream.knobs import knobs_of

PEOPLE: Final = 6
TOKENS: Final = 240
RATE: Final = 80
#: How long a reply takes that nothing befalls.
LENGTH_S: Final = TOKENS / RATE
#: Within how much longer a page shows what programs have been told.
PAGE_S: Final = 20.0
#: Within how long the next messages are answered.
AFTER_S: Final = 15.0
#: What models do with the beginning of a reply: go on after it, or start again.
MODES: Final = ("prefill", "restart")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something that happens to the bed.

    `strike` does it, and undoes what does not heal by itself; `after_s` is when, counted from the send.
    After `recovers_s` of its end nobody waits any longer for more of a reply. `knobs` are the replies' own.
    """

    name: str
    strike: Callable[[Bed, random.Random], Awaitable[None]]
    plans: tuple[str, ...] = ("scaled",)
    after_s: tuple[float, float] = (0.0, LENGTH_S)
    recovers_s: float = 15.0
    knobs: str = ""

    @property
    def length_s(self) -> float:
        """How long its replies take that nothing befalls."""
        knobs = knobs_of("", f"[n:{TOKENS} r:{RATE}] [{self.knobs}]")
        return knobs.n / knobs.r + knobs.t / 1000


@dataclass(kw_only=True, slots=True)
class Outcome:
    """How late this process itself was; how long people waited after the fault was over, of models that go on
    with what they had said; why replies have seams; what clients met on the way."""

    late_s: float = 0.0
    recovery_s: float = 0.0
    seams: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


async def tried(
    bed: Bed, fault: Fault, chance: random.Random, *, browser: Browser | None = None, pages: int = 0
) -> Outcome:
    """Fails when anything was lost that the fault must not cost. With a browser some look at pages."""
    onlookers = [await Onlooker.came(browser, bed, tokens=TOKENS) for _ in range(pages)] if browser else []
    async with Lateness() as lateness, client(bed.verify) as http:
        people = [Person(bed.doors, first=number, client=http) for number in range(PEOPLE)]
        talks = [Talk(person=await person.arrived(), replies=[], tokens=TOKENS) for person in people]
        knobs = f" {fault.knobs}" if fault.knobs else ""
        words = [f"Go [n:{TOKENS} r:{RATE} cont:{mode}{knobs}]" for mode in MODES]
        readers = [_says(talk, words[number % len(words)]) for number, talk in enumerate(talks)]
        words_shown = [asyncio.create_task(one.says(words[0])) for one in onlookers]
        try:
            await asyncio.sleep(chance.uniform(*fault.after_s))
            await fault.strike(bed, chance)
            over = monotonic()
            await _all(readers, talks, within=fault.recovers_s + fault.length_s)
            await asyncio.gather(*words_shown)
            await _look(bed, onlookers)
        finally:
            for task in (*readers, *words_shown):
                task.cancel()
            await bed.whole_again()
        # The next message of each conversation is served as ever.
        after = [_says(talk, f"And [n:{TOKENS} r:1000]") for talk in talks]
        # What is still to be noticed, such as a line that is only half there, may hold these up.
        await _all(after, talks, within=max(AFTER_S, fault.recovers_s))
        for one in onlookers:
            await one.says(f"And [n:{TOKENS} r:1000]")
        await _look(bed, onlookers)
        await all_is_right(bed, talks)
    for one in onlookers:
        await one.leaves()
    return _outcome([talk.replies[0] for talk in talks], over, fault, lateness)


async def _look(bed: Bed, onlookers: Sequence[Onlooker]) -> None:
    for one in onlookers:
        await one.is_shown_all(bed, within=PAGE_S)


def _says(talk: Talk, said: str) -> asyncio.Task[None]:
    conversation_id = talk.replies[0].conversation_id if talk.replies else uuid4().hex
    talk.replies.append(Reply(said=said, conversation_id=conversation_id))
    return asyncio.create_task(talk.person.reads(talk.replies[-1]))


async def _all(readers: list[asyncio.Task[None]], talks: list[Talk], *, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await asyncio.gather(*readers)
    except TimeoutError:
        states = "\n".join(str(talk.replies[-1]) for talk in talks if not talk.replies[-1].status)
        raise AssertionError(f"not ended {within:g} s after the fault:\n{states}") from None


def _outcome(replies: list[Reply], over: float, fault: Fault, lateness: Lateness) -> Outcome:
    silences = [reply.silence_after(over) for reply in replies]
    assert max(silences) <= fault.recovers_s, f"somebody waited {max(silences):.1f} s"
    # The others are silent until their model has said again what it had said.
    recovery_s = max(silences[:: len(MODES)])
    seams = [reason for reply in replies for reason in reply.seams]
    return Outcome(
        late_s=lateness.longest_s,
        recovery_s=recovery_s,
        seams=seams,
        trouble=[one for reply in replies for one in reply.trouble],
    )
