"""Messages in vars that are sent when they change, so that a turn costs the same however long the
conversation is, and so does a page of older messages.

A var is sent whole. So what is settled is poured from small vars into larger ones, as in a log-structured
store. Downwards: `tail` holds the turn that is being made, each settled turn takes one of the slots `h0` to
`h7`, eight full slots become one of the blocks `b0` to `b7`. In the middle stands `window`, what was read
when the page was opened. Upwards: each page of older messages takes one of `p0` to `p7`, eight full ones
become one of the volumes `v0` to `v7`. A message is thus sent twice more after its turn or page, and once
more for each 64 of them without a reload.

What another branch does not have is cut off by saying how many rows of a var still count; the rows
themselves stay where they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from chatapp.ui.rows import Row

Rows = tuple[Row, ...]

#: As many messages as are read when a conversation is opened, and kept when everything is poured together.
WINDOW: Final = 60
#: As many as are read upwards at a time: a screen or two. Of long ones 30 held the page up for 180 ms when
#: one flung it upwards, 15 for 90 ms, and cost as much in all.
PAGE: Final = 15
SLOTS: Final = tuple(f"h{n}" for n in range(8))
BLOCKS: Final = tuple(f"b{n}" for n in range(8))
#: Drawn in this order: what was read last lies furthest up.
PAGES: Final = tuple(f"p{n}" for n in reversed(range(8)))
VOLUMES: Final = tuple(f"v{n}" for n in reversed(range(8)))
EARLIER: Final = (*PAGES, *VOLUMES)
#: All vars in the order in which they are drawn.
ORDER: Final = (*EARLIER, "window", *BLOCKS, *SLOTS, "tail")


def pour(rows: Rows, into: Mapping[str, Rows]) -> dict[str, Rows]:
    """The vars that change when a turn is settled."""
    if not rows:
        return {}
    for slot in SLOTS:
        if not into[slot]:
            return {slot: rows}
    slots = dict.fromkeys(SLOTS, ()) | {SLOTS[0]: rows}
    block = _together(into, SLOTS)
    for name in BLOCKS:
        if not into[name]:
            return slots | {name: block}
    whole = (*into["window"], *_together(into, BLOCKS), *block)
    emptied = dict.fromkeys((*EARLIER, *BLOCKS), ())
    return slots | emptied | {"window": whole[-WINDOW:]}


def put_before(rows: Rows, into: Mapping[str, Rows]) -> dict[str, Rows]:
    """The vars that change when a page of older messages was read."""
    for page in reversed(PAGES):
        if not into[page]:
            return {page: rows}
    pages = dict.fromkeys(PAGES, ()) | {PAGES[-1]: rows}
    volume = _together(into, PAGES)
    for name in reversed(VOLUMES):
        if not into[name]:
            return pages | {name: volume}
    whole = (*volume, *_together(into, VOLUMES), *into["window"])
    return pages | dict.fromkeys(VOLUMES, ()) | {"window": whole}


def cut(keep: int, held: Mapping[str, Rows]) -> dict[str, int]:
    """How many rows of each var count when only the first ones of all do; what counts whole is left out."""
    counts: dict[str, int] = {}
    for name in ORDER:
        if len(held[name]) > keep:
            counts[name] = keep
        keep = max(keep - len(held[name]), 0)
    return counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """How many of the messages that are shown stay, and which follow them."""

    keep: int
    fresh: list[str]


def joined(shown: Sequence[str], got: Sequence[str]) -> Joined | None:
    """How the end of a branch continues what is shown; None when they have nothing in common.

    Both are parts of paths from a root, so what they have in common is one piece of each.
    """
    places = {one: place for place, one in enumerate(shown)}
    for start, one in enumerate(got):
        if one not in places:
            continue
        keep, place = places[one], start
        while place < len(got) and keep < len(shown) and got[place] == shown[keep]:
            keep, place = keep + 1, place + 1
        return Joined(keep=keep, fresh=list(got[place:]))
    return None


def settled(ids: Sequence[str], live: str) -> int:
    """How many of the messages come before the turn of the live one; all when none is live."""
    if live not in ids:
        return len(ids)
    return max(ids.index(live) - 1, 0)


def _together(rows: Mapping[str, Rows], names: Iterable[str]) -> Rows:
    return tuple(chain.from_iterable(rows[name] for name in names))
