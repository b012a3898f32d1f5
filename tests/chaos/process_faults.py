"""What can happen to the app's own processes, and to all at once."""

import asyncio
import random
from time import monotonic
from typing import Final

from tests.chaos.bed import Bed

#: SIGTERM to exit: docs/scaling.md and supervisors count on it.
DRAIN_S: Final = 10.0


async def maker_killed(bed: Bed, chance: random.Random) -> None:
    """kill -9 of one that makes replies. With others it stays dead; alone it is started again."""
    victim = chance.choice(bed.makers)
    await asyncio.to_thread(victim.kill)
    if len(bed.makers) == 1:
        await asyncio.to_thread(victim.start)


async def maker_ended(bed: Bed, chance: random.Random) -> None:
    """SIGTERM, and a start as a supervisor does it."""
    victim, began = chance.choice(bed.makers), monotonic()
    assert await asyncio.to_thread(victim.terminate) == 0
    assert monotonic() - began <= DRAIN_S
    await asyncio.to_thread(victim.start)


async def makers_killed_in_turn(bed: Bed, chance: random.Random) -> None:
    """And again while the replies are being taken up, or the one that took them over."""
    await maker_killed(bed, chance)
    await asyncio.sleep(chance.uniform(0, 2))
    for victim in bed.makers:
        if victim.is_running:
            await asyncio.to_thread(victim.kill)
        await asyncio.to_thread(victim.start)


async def web_killed(bed: Bed, chance: random.Random) -> None:
    """kill -9 of one that people are connected to; it stays dead."""
    await asyncio.to_thread(chance.choice(bed.webs).kill)


async def web_frozen(bed: Bed, chance: random.Random) -> None:
    """One that people are connected to stands still, and does not wake up before everybody is served."""
    chance.choice(bed.webs).pause()


async def maker_and_web_killed(bed: Bed, chance: random.Random) -> None:
    """kill -9 of one of each, together; both stay dead."""
    await asyncio.gather(maker_killed(bed, chance), web_killed(bed, chance))


async def restarted_in_turn(bed: Bed, _chance: random.Random) -> None:
    """As a new version is brought out: SIGTERM and a start of each, one after another."""
    for process in bed.processes.values():
        began = monotonic()
        assert await asyncio.to_thread(process.terminate) == 0
        assert monotonic() - began <= DRAIN_S
        await asyncio.to_thread(process.start)


async def frozen(bed: Bed, chance: random.Random) -> None:
    """One process stands still for longer than a lease, and goes on as if no time had passed."""
    victim = chance.choice(list(bed.processes.values()))
    victim.pause()
    await asyncio.sleep(bed.lease_s * 2)  # a fault has a length: this is no waiting, here and below
    victim.resume()


async def everything_killed(bed: Bed, _chance: random.Random) -> None:
    """kill -9 of all there is, and a start of all of it."""
    for process in bed.processes.values():
        await asyncio.to_thread(process.kill)
    bed.caddy.kill()
    bed.redis.kill()
    await asyncio.to_thread(bed.postgres.kill)
    await asyncio.to_thread(bed.postgres.start)
    await bed.whole_again()


async def caddy_killed(bed: Bed, chance: random.Random) -> None:
    """kill -9 of what everybody comes in by, some time without it, and a start."""
    bed.caddy.kill()
    await asyncio.sleep(chance.uniform(0, 2))
    await asyncio.to_thread(bed.caddy.start)


async def clock_jumped(bed: Bed, chance: random.Random, *, name: str) -> None:
    """The clock of one process's host is an hour off, either way, and stays so."""
    bed.clocks[f"{name}{chance.randrange(2)}"].set(hours=chance.choice((-1, 1)))
