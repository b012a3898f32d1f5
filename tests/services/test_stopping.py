"""A process that is asked to end says goodbye first; then its server hears of it, whichever loop it has."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.timeout(120)

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
#: Longer than any test waits.
FOR_EVER = "600"


class Ending:
    """A process of which is read what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def says(self, *words: str) -> None:
        """Exactly these, one after the other."""
        assert self._process.stdout is not None
        assert [self._process.stdout.readline().strip() for _ in words] == list(words)

    def is_asked_to_end(self) -> None:
        """By its supervisor."""
        self._process.terminate()

    def ends(self) -> None:
        """Without another word."""
        assert self._process.stdout is not None
        assert (self._process.stdout.read(), self._process.wait(60)) == ("", 0)


@contextmanager
def process(loop: str, *, taken: str, leave: str, patience: str) -> Generator[Ending]:
    words = [loop, taken, leave, patience]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.services.stopping_process", *words], stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            ending = Ending(started)
            ending.says("ready")
            yield ending
        finally:
            started.kill()


@LOOPS
@pytest.mark.parametrize("taken", ["before", "after", "anew"])
def test_whoever_reads_is_told_before_the_server_hears(loop: str, taken: str) -> None:
    """Also when the server begins to listen later, and when its loop runs anew. After that, signals are the
    server's alone."""
    with process(loop, taken=taken, leave="at-once", patience=FOR_EVER) as ending:
        ending.is_asked_to_end()
        ending.says("told", "left", "server", "closed")
        ending.is_asked_to_end()
        ending.says("server")
        ending.ends()


@LOOPS
def test_who_does_not_leave_is_not_waited_for(loop: str) -> None:
    with process(loop, taken="before", leave="never", patience="0.2") as ending:
        ending.is_asked_to_end()
        ending.says("told", "server", "closed")


@LOOPS
def test_a_second_signal_is_the_servers_at_once(loop: str) -> None:
    """Whoever presses Ctrl-C twice does not want to wait."""
    with process(loop, taken="before", leave="never", patience=FOR_EVER) as ending:
        ending.is_asked_to_end()
        ending.says("told")
        ending.is_asked_to_end()
        ending.says("server", "closed")
