"""Messages in vars that are sent when they change, so that a turn costs the same however long the
conversation is.

A var is sent whole. So what is settled is poured from small vars into larger ones, as in a log-structured
store: `tail` holds the turn that is being made, each settled turn takes one of the slots `h0` to `h7`,
eight full slots become one of the blocks `b0` to `b7`, and `window` is what was read when the page was
opened. A message is thus sent twice more after its turn, and once more for each 64 turns without a reload.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

from chatapp.domain.fold import Snapshot
from chatapp.ui.rows import Row, row

Rows = tuple[Row, ...]

#: As many messages as are read when a conversation is opened, and kept when everything is poured together.
WINDOW: Final = 60
SLOTS: Final = tuple(f"h{n}" for n in range(8))
BLOCKS: Final = tuple(f"b{n}" for n in range(8))
#: All vars in the order in which they are drawn.
ORDER: Final = ("window", *BLOCKS, *SLOTS, "tail")


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
    return slots | dict.fromkeys(BLOCKS, ()) | {"window": whole[-WINDOW:]}


def fresh_ids(shown: Sequence[str], got: Sequence[str]) -> list[str] | None:
    """Which of the last messages of the branch follow those shown; None when it is another branch."""
    if not shown or not got or got[0] not in shown:
        return None
    known = len(shown) - shown.index(got[0])
    return list(got[known:]) if list(got[:known]) == list(shown[-known:]) else None


def settled(ids: Sequence[str], live: str) -> int:
    """How many of the messages come before the turn of the live one; all when none is live."""
    if live not in ids:
        return len(ids)
    return max(ids.index(live) - 1, 0)


def blank(snapshot: Snapshot) -> Row:
    """The row of a reply that is shown live: its text comes another way."""
    return row(snapshot) | Row(text="", cuts=(), thinking="")  # type: ignore[typeddict-item]


def _together(rows: Mapping[str, Rows], names: Iterable[str]) -> Rows:
    return tuple(chain.from_iterable(rows[name] for name in names))
