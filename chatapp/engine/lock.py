"""One process generates: whoever holds the lock file."""

import asyncio
import fcntl
import logging
import os
from datetime import timedelta
from pathlib import Path

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

    def release(self) -> None:
        """Lets the next process in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
