"""From the frames that arrived to what the screen showed when; after the clock has stopped."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from tests.upstream.tokens import token
from tests.wire import packets

#: The delta in which a reply's status becomes final.
LAST = re.compile(r'"status_rx_state_": ?"(complete|failed|stopped|interrupted)"')
LIVE = "chatapp___ui___live____live"
LEVELS = ("t5", "t4", "t3", "t2", "t1", "t0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A message from the server and when it was read (monotonic ns)."""

    at_ns: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a user saw: when each token was first there, the last text, updates of the text, bytes in all."""

    at_ns: Sequence[int]
    text: str
    updates: int
    size: int


def shown(frames: Sequence[Frame], tokens: int) -> Shown:
    """Plays the frames of one reply of numbered tokens."""
    ends = list(accumulate(len(token(number).rstrip()) + _gap(number) for number in range(tokens)))
    levels = dict.fromkeys(LEVELS, "")
    at_ns: list[int] = []
    text, updates, size = "", 0, 0
    for frame in frames:
        size += len(frame.data.encode())
        update = packets.update_of(frame.data)
        changes = [values for name, values in (update.delta if update else {}).items() if name.endswith(LIVE)]
        if not changes:
            continue
        levels |= {
            level: changes[0][var] for level in LEVELS if (var := f"{level}{packets.MARK}") in changes[0]
        }
        text = "".join(levels.values())
        updates += 1
        seen = bisect_right(ends, len(text.rstrip()))
        at_ns.extend([frame.at_ns] * (seen - len(at_ns)))
    return Shown(at_ns=at_ns, text=text, updates=updates, size=size)


def _gap(number: int) -> int:
    """What stands between the token before and this one."""
    previous = token(number - 1) if number else ""
    return len(previous) - len(previous.rstrip())
