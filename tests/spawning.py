"""Servers, and folders of theirs, that end with the process that made them, however that ends (Linux)."""

import fcntl
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.small_disk import unmounted

#: Linux tells a child of the death of the *thread* that made it: this one stays as long as the process.
_THREAD: Final = ThreadPoolExecutor(1, thread_name_prefix="spawning")


def spawned(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`Popen`, with SIGTERM for the child when this process is no more, be it by kill -9."""
    start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    return _THREAD.submit(start, [*_ending_with_us(), *command], **options).result()


def _ending_with_us() -> list[str]:
    has_setpriv = sys.platform == "linux" and shutil.which("setpriv")
    return ["setpriv", "--pdeathsig=TERM"] if has_setpriv else []


class Held:
    """A new folder. Those of processes that are no more are removed when the next one is made."""

    def __init__(self, prefix: str, *, within: Path) -> None:
        for other in within.glob(f"{prefix}*"):
            if _is_left(other):
                _removed(other)
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
        # Under its name only when it is locked: nobody may find it without.
        self._lock = (unnamed := self.folder / "unnamed").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self.folder / _LOCK)

    def remove(self) -> None:
        """It and all that is in it."""
        _removed(self.folder)
        self._lock.close()


_LOCK: Final = "held"


def _removed(folder: Path) -> None:
    unmounted(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or not yet locked, or somebody else's
        return False
    return True
