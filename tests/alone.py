"""A test marked `alone` measures how fast something is: no other process of xdist tests anything meanwhile.

Each test holds a lock that it shares with the others; one that is `alone` has it for itself. Who waits for it
keeps those back that come later, or it would wait for as long as others have tests.
"""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def turn(alone: bool) -> Generator[None]:
    """Wait for a time in which nobody measures or, `alone`, in which nobody tests."""
    with ExitStack() as held:
        with _locked("door", fcntl.LOCK_EX):
            held.enter_context(_locked("room", fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        yield


@contextmanager
def _locked(name: str, kind: int) -> Generator[None]:
    path = Path(tempfile.gettempdir()) / f"chatapp-tests-{os.getuid()}-{name}"
    with path.open("w") as file:
        fcntl.flock(file, kind)
        yield
