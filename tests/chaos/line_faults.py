"""What can happen to a line between two parts."""

import asyncio
import random
from collections.abc import Callable

from tests.chaos.bed import Bed
from tests.tcp_proxy import Proxy


async def line_cut(bed: Bed, chance: random.Random) -> None:
    """A line between one process and Redis or PostgreSQL is reset, and stays so for some seconds."""
    await _disturbed(bed, chance, Proxy.cut)


async def line_silent(bed: Bed, chance: random.Random) -> None:
    """Nothing goes through it, and nobody is told, for longer than a lease."""
    await _disturbed(bed, chance, Proxy.silence)


async def line_half_open(bed: Bed, chance: random.Random) -> None:
    """What is open is silent for ever; what is opened anew works."""
    await _disturbed(bed, chance, Proxy.strand)


async def line_slow(bed: Bed, chance: random.Random) -> None:
    """Every piece takes its time, both ways."""
    await _disturbed(bed, chance, lambda link: link.slow(0.05))


async def _disturbed(bed: Bed, chance: random.Random, disturb: Callable[[Proxy], None]) -> None:
    link = bed.link(chance.choice(list(bed.processes)), chance.choice(("redis", "postgres")))
    disturb(link)
    await asyncio.sleep(bed.lease_s * 2)
    link.heal()
