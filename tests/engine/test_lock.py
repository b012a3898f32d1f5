"""One process generates: the lock is the system's, so no death of a process leaves it behind."""

import asyncio
import sys
from pathlib import Path

import pytest

from chatapp.engine.lock import EngineLock
from tests.waiting import until

HOLDS = """
import asyncio, sys
from pathlib import Path
from chatapp.engine.lock import EngineLock

async def main():
    lock = EngineLock(Path(sys.argv[1]))
    await lock.acquire()
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def holder(path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS, str(path), stdout=asyncio.subprocess.PIPE
    )


async def test_a_killed_process_gives_the_lock_back(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Two real processes: the second waits, says so once, and goes on as soon as the first is killed."""
    path = tmp_path / "engine.lock"
    first = await holder(path)
    assert first.stdout
    assert await first.stdout.readline() == b"held\n"
    lock = EngineLock(path)
    waiting = asyncio.create_task(lock.acquire())
    await until(lambda: caplog.records)
    assert not lock.held
    first.kill()
    await asyncio.wait_for(waiting, 3)
    assert lock.held
    assert ["another process makes the replies" in record.message for record in caplog.records] == [True]
    await lock.release()
    await first.wait()


async def test_releasing_lets_the_next_one_in(tmp_path: Path):
    """A handover within a moment; releasing twice is harmless."""
    one, other = EngineLock(tmp_path / "l"), EngineLock(tmp_path / "l")
    await one.acquire()
    waiting = asyncio.create_task(other.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    await one.release()
    await one.release()
    await asyncio.wait_for(waiting, 3)
    assert (one.held, other.held) == (False, True)
    await other.release()


async def test_who_gives_up_waiting_leaves_no_trace(tmp_path: Path):
    """A process that is shut down while it waits holds no file and no lock."""
    one, other, third = (EngineLock(tmp_path / "l") for _ in range(3))
    await one.acquire()
    waiting = asyncio.create_task(other.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await one.release()
    await asyncio.wait_for(third.acquire(), 3)
    assert not other.held
    await third.release()
