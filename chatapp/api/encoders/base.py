"""What a protocol has to say about a run, whatever carries it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from chatapp.domain.events import Logged
from chatapp.services.runs import Queued, RunInfo

#: Of all that was encoded lately. Readers of one run are seldom more than a step apart.
MAX_KEPT_BYTES: Final = 4_000_000


class Encoder(Protocol):
    """Writes what a reader of a run is given as bytes of one protocol; an empty frame is not sent.

    The records before, and other readers, change nothing in a frame: after any cursor it is the same.
    """

    def opening(self, run: RunInfo) -> bytes:
        """Before all else, at each opening of the stream."""
        ...

    def record(self, run: RunInfo, record: Logged) -> bytes:
        """One record of the log."""
        ...

    def queued(self, queued: Queued) -> bytes:
        """The place in the queue has changed."""
        ...

    def idle(self) -> bytes:
        """Nothing has happened for a while."""
        ...


class EncodedOnce:
    """Keeps what was encoded lately: many readers of a run cost one encoding.

    A seq means the same for ever, so nothing kept here can be out of date.
    """

    def __init__(
        self, encode: Callable[[RunInfo, Logged], bytes], *, max_bytes: int = MAX_KEPT_BYTES
    ) -> None:
        self._encode: Callable[[RunInfo, Logged], bytes] = encode
        self._max_bytes: int = max_bytes
        self._bytes: int = 0
        # In the order in which they were made; the readers of a run come by one after another.
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def __call__(self, run: RunInfo, record: Logged) -> bytes:
        """The frame of this record."""
        key = (run.id, record.seq)
        if (frame := self._kept.get(key)) is None:
            frame = self._kept[key] = self._encode(run, record)
            self._bytes += len(frame)
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return frame
