"""One process makes replies: whoever holds the lock file. The other way to have a lease is in `leases`."""

import asyncio
import fcntl
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from chatapp.domain.leases import WorkerLease
from chatapp.domain.runs import Run

log = logging.getLogger(__name__)

#: A process that takes over after a reload should not be noticed by anybody.
RETRY = timedelta(milliseconds=200)


class EngineLock:
    """A lock on a file, given back by the system when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path: Path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """True while this is the process that generates."""
        return self._descriptor is not None

    @property
    def name(self) -> str:
        """There is nobody to tell this process from."""
        return ""

    @property
    def rests(self) -> bool:
        """There is nobody to leave anything to."""
        return False

    @property
    def speaks(self) -> bool:
        """There is nobody else who could."""
        return True

    @property
    def held_elsewhere(self) -> bool:
        """True while another process is the one that generates."""
        if self.held:
            return False
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except OSError:
            return False
        try:
            # Shared, and for a moment: who waits for the lock tries again soon.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    async def acquire(self) -> None:
        """Waits until no other process holds it; says so once when it has to wait."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        waiting = False
        try:
            while not _locked(descriptor):
                if not waiting:
                    log.warning("another process makes the replies; waiting for %s", self._path.name)
                    waiting = True
                await asyncio.sleep(RETRY.total_seconds())
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    async def keep(self) -> None:
        """The system keeps it."""
        await asyncio.Event().wait()

    async def saw(self, leases: Sequence[WorkerLease]) -> frozenset[str]:
        """Whoever had a lease before is not there any more: this process has the lock."""
        return frozenset()

    async def release(self) -> Sequence[Run]:
        """Lets the next process in, which looks for what is unfinished at once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        return ()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
