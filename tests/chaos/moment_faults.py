"""Faults at the one moment in a reply at which they could do most harm."""

import asyncio
import random
from typing import Final

from tests.app_server import AppServer
from tests.chaos.bed import Bed
from tests.waiting import eventually

#: Longer than any of these moments is away.
MOMENT_S: Final = 30.0
_MADE: Final = "SELECT id, worker FROM runs WHERE status = 'streaming' ORDER BY id"
_TAKEN_OVER: Final = "SELECT id, worker FROM runs WHERE status = 'streaming' AND attempt > 1 ORDER BY id"
#: Whoever ends a run waits for its row.
_ENDING: Final = """
SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE runs%ended_at%'
"""


async def maker_killed_uncalled(bed: Bed, chance: random.Random) -> None:
    """kill -9 of one that has claimed replies, before a word of it has reached their model."""
    links = [bed.link(name, "upstream") for name, one in bed.processes.items() if one in bed.makers]
    for link in links:
        link.silence()
    asked = len(bed.upstream.requests)
    victim = await _one_that_makes(bed, chance, _MADE)
    await asyncio.to_thread(victim.kill)
    assert len(bed.upstream.requests) == asked, "the model was called"
    # What it had said is lost with it.
    (lost := bed.link(_name(bed, victim), "upstream")).cut()
    for link in (lost, *links):
        link.heal()
    if len(bed.makers) == 1:
        await asyncio.to_thread(victim.start)


async def maker_killed_unended(bed: Bed, chance: random.Random) -> None:
    """kill -9 of one that has written all of a reply, and waits to write its end: another holds the row."""
    await _one_that_makes(bed, chance, _MADE)
    run_id, worker = chance.choice(await asyncio.to_thread(bed.ask, _MADE))
    with bed.postgres.connect(bed.database, autocommit=False) as other:
        # The steps of the log only share it.
        other.execute("SELECT FROM runs WHERE id = %s FOR SHARE", [run_id])
        await _comes(bed, _ENDING)
        await asyncio.to_thread(_maker(bed, worker).kill)
        other.rollback()


async def taker_killed(bed: Bed, chance: random.Random) -> None:
    """kill -9 of one, and of the one that took its replies over, in the middle of that."""
    first = await _one_that_makes(bed, chance, _MADE)
    await asyncio.to_thread(first.kill)
    second = await _one_that_makes(bed, chance, _TAKEN_OVER)
    await asyncio.sleep(chance.uniform(0, 1))
    await asyncio.to_thread(second.kill)
    await asyncio.gather(*(asyncio.to_thread(one.start) for one in (first, second)))


async def woken_late(bed: Bed, chance: random.Random) -> None:
    """One stands still for four leases, and wakes up while others go on with its replies."""
    victim = await _one_that_makes(bed, chance, _MADE)
    victim.pause()
    await asyncio.sleep(4 * bed.lease_s)
    told = len(victim.log)
    victim.resume()
    await eventually(lambda: _says(victim, "was taken for dead", after=told), seconds=MOMENT_S)


async def redis_frozen_at_the_end(bed: Bed, chance: random.Random) -> None:
    """Nothing in Redis answers from the moment on at which a model says a last word, for some seconds."""

    async def said() -> bool:
        return any(
            0 <= one.knobs.n - one.tokens <= 1 for one in bed.upstream.requests if one.outcome == "open"
        )

    await eventually(said, seconds=MOMENT_S)
    bed.redis.pause()
    await asyncio.sleep(chance.uniform(1, 5))
    bed.redis.resume()


async def _one_that_makes(bed: Bed, chance: random.Random, which: str) -> AppServer:
    """Chosen among those that make such replies, as soon as there are any."""
    await _comes(bed, which)
    return _maker(bed, chance.choice(await asyncio.to_thread(bed.ask, which))[1])


async def _comes(bed: Bed, which: str) -> None:
    async def there() -> bool:
        return bool(await asyncio.to_thread(bed.ask, which))

    await eventually(there, seconds=MOMENT_S)


def _maker(bed: Bed, worker: str) -> AppServer:
    """By what a run says of its worker; one alone has no name."""
    if len(bed.makers) == 1:
        return bed.makers[0]
    [found] = [one for name, one in bed.processes.items() if worker.startswith(f"{name}-")]
    return found


def _name(bed: Bed, process: AppServer) -> str:
    [found] = [name for name, one in bed.processes.items() if one is process]
    return found


async def _says(process: AppServer, words: str, *, after: int) -> bool:
    return words in process.log[after:]
