"""What can happen to the database and to Redis."""

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from typing import Final

from psycopg.errors import DeadlockDetected

from tests.chaos.bed import Bed
from tests.chaos.process_faults import maker_killed
from tests.waiting import until

#: What the system says of it, and what the app does.
FULL: Final = "No space left on device"
FULL_SQLITE: Final = "cannot be written: storage_full"


async def sqlite_locked(bed: Bed, _chance: random.Random) -> None:
    """Another program holds the file."""
    with closing(sqlite3.connect(bed.sqlite_file, isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(5)
        other.execute("ROLLBACK")


async def redis_killed(bed: Bed, chance: random.Random, *, with_maker: bool = False) -> None:
    """kill -9, some seconds without it, and a start; perhaps a worker dies with it."""
    if with_maker:
        await maker_killed(bed, chance)
    bed.redis.kill()
    await asyncio.sleep(chance.uniform(0.2, 3))
    await asyncio.to_thread(bed.redis.start)


async def redis_down(bed: Bed, chance: random.Random, *, seconds: float = 0) -> None:
    """It is gone, and comes back when all replies have ended; or after so many seconds."""
    bed.redis.kill()
    await asyncio.sleep(seconds)


async def redis_frozen(bed: Bed, _chance: random.Random) -> None:
    """Its connections stay open and nothing answers."""
    bed.redis.pause()
    await asyncio.sleep(5)
    bed.redis.resume()


async def redis_flushed(bed: Bed, _chance: random.Random) -> None:
    """All that it had is gone."""
    await asyncio.to_thread(bed.redis.flush)


async def redis_full(bed: Bed, _chance: random.Random) -> None:
    """It refuses every write."""
    await asyncio.to_thread(bed.redis.command, "CONFIG", "SET", "maxmemory", 1)
    await asyncio.sleep(3)
    await asyncio.to_thread(bed.redis.command, "CONFIG", "SET", "maxmemory", 0)


async def postgres_restarted(bed: Bed, _chance: random.Random) -> None:
    """As an operator does it: who is connected is sent away."""
    await asyncio.to_thread(bed.postgres.restart)


async def postgres_killed(bed: Bed, chance: random.Random, *, with_maker: bool = False) -> None:
    """kill -9 of all its processes, some time without it, and a start with its own recovery."""
    if with_maker:
        await maker_killed(bed, chance)
    await asyncio.to_thread(bed.postgres.kill)
    await asyncio.sleep(chance.uniform(0, 3))
    await asyncio.to_thread(bed.postgres.start)


async def postgres_frozen(bed: Bed, _chance: random.Random) -> None:
    """Its connections stay open and nothing answers, for longer than a lease."""
    bed.postgres.freeze()
    await asyncio.sleep(bed.lease_s * 2)
    bed.postgres.thaw()


async def postgres_locked(bed: Bed, _chance: random.Random, *, seconds: float) -> None:
    """Another program holds the tables, as soon as it has got them."""
    lock = "LOCK TABLE messages, runs, run_events IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({})"
    while True:
        with suppress(DeadlockDetected):  # with a transaction that took them in another order
            await asyncio.to_thread(bed.ask, lock.format(seconds))
            return


async def disk_filled(bed: Bed, chance: random.Random) -> None:
    """The database's disk is full, and stays so for some seconds after a write has failed. PostgreSQL may
    have ended by then: a supervisor starts it again."""
    teller, words = (bed.postgres, FULL) if bed.plan.postgres else (bed.webs[0], FULL_SQLITE)
    told = len(teller.log)
    if not bed.plan.postgres:
        # What SQLite's log took in its longest time would still be its own.
        await until(lambda: bed.ask("PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0, seconds=20)
    await asyncio.to_thread(bed.disk.fill)
    await until(lambda: words in teller.log[told:], seconds=30)
    await asyncio.sleep(chance.uniform(0, 5))
    bed.disk.free()
    if not teller.is_running:
        await asyncio.to_thread(teller.start)
