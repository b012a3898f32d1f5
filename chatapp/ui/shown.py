"""The messages that a tab shows, and how they change with as little to send as can be."""

from collections.abc import Generator, Iterable, Mapping, Sequence

import reflex as rx

from chatapp.domain.fold import Snapshot
from chatapp.services.conversations import Window
from chatapp.ui.history import ORDER, Joined, Rows, cut, joined, pour, put_before, settled
from chatapp.ui.putting import put
from chatapp.ui.rows import Queued, blank, live_id, queued, ratings, row


class Shown(rx.State, mixin=True):
    """The vars of messages: see `history`. `counts` says how many rows of a var count, where not all do.

    `earlier`, `later`: there are older, or newer, messages than those. `arrived` counts what was added at
    the end of the conversation for as long as the tab is open. `queue` has what waits for its turn,
    `ratings` what was said of replies, by their ids.
    """

    earlier: bool = False
    later: bool = False
    p0: Rows = ()
    p1: Rows = ()
    p2: Rows = ()
    p3: Rows = ()
    p4: Rows = ()
    p5: Rows = ()
    p6: Rows = ()
    p7: Rows = ()
    v0: Rows = ()
    v1: Rows = ()
    v2: Rows = ()
    v3: Rows = ()
    v4: Rows = ()
    v5: Rows = ()
    v6: Rows = ()
    v7: Rows = ()
    window: Rows = ()
    b0: Rows = ()
    b1: Rows = ()
    b2: Rows = ()
    b3: Rows = ()
    b4: Rows = ()
    b5: Rows = ()
    b6: Rows = ()
    b7: Rows = ()
    h0: Rows = ()
    h1: Rows = ()
    h2: Rows = ()
    h3: Rows = ()
    h4: Rows = ()
    h5: Rows = ()
    h6: Rows = ()
    h7: Rows = ()
    tail: Rows = ()
    counts: dict[str, int] = {}  # noqa: RUF012  (Reflex copies it for each tab)
    queue: tuple[Queued, ...] = ()
    ratings: dict[str, str] = {}  # noqa: RUF012
    arrived: int = 0
    _live: str = ""
    _end: str = ""

    def _fill(self, window: Window | None) -> None:
        """Replace everything; a reply that is being made has its text so far in its row."""
        snapshots, waiting = _parted(window.snapshots if window else ())
        rows = tuple(row(one, window) for one in snapshots)
        put(self, ratings=ratings(window) if window else {})
        self._live = live_id(snapshots)
        start = settled([one["id"] for one in rows], self._live)
        self._assign(dict.fromkeys(ORDER, ()) | {"window": rows[:start], "tail": rows[start:]})
        put(self, queue=queued(waiting))
        put(self, earlier=bool(window and window.has_earlier))
        # Behind a live reply there are only messages that wait.
        put(self, later=bool(window and window.has_later and not self._live))
        self._end = ""

    def _add_earlier(self, window: Window) -> None:
        """A page of older messages was read."""
        rows = tuple(row(one, window) for one in window.snapshots)
        self._read_ratings(window)
        self._assign(put_before(rows, self._held()))
        put(self, earlier=window.has_earlier)

    def _add_later(self, window: Window) -> None:
        """A page of newer messages was read; the end is not among them."""
        self._read_ratings(window)
        poured = pour(tuple(row(one, window) for one in window.snapshots), self._held())
        self.earlier |= "window" in poured
        self._assign(poured)

    def _note_end(self, end: Window) -> None:
        """What is new at the end is counted while other messages are shown; a reply there can be stopped."""
        snapshots, waiting = _parted(end.snapshots)
        ids = [one.message.id for one in snapshots]
        if self._end in ids:
            self.arrived += len(ids) - 1 - ids.index(self._end)
        self._end = ids[-1] if ids else ""
        self._live = live_id(snapshots)
        put(self, queue=queued(waiting))

    def _follow(self, window: Window) -> bool:
        """Change what is shown into the branch that ends like this; False when the window is too short to
        tell."""
        snapshots, waiting = _parted(window.snapshots)
        held = self._held()
        shown = [one["id"] for name in ORDER for one in held[name]]
        found = joined(shown, [one.message.id for one in snapshots])
        if found is None:
            return False
        tail = [one["id"] for one in held["tail"]]
        ids = [*tail[: max(found.keep - len(shown) + len(tail), 0)], *found.fresh]
        if not {one.message.id for one in snapshots}.issuperset(ids):
            return False
        self._read_ratings(window)
        held = self._branch_off(found, held)
        self._extend(window, snapshots, ids, held)
        put(self, queue=queued(waiting))
        if not self.later:
            self.arrived += len(found.fresh)
        put(self, later=False)
        return True

    def _read_ratings(self, window: Window) -> None:
        """What is said now of the replies of this window."""
        read = {one.message.id for one in window.snapshots}
        others = {one: value for one, value in self.ratings.items() if one not in read}
        put(self, ratings=others | ratings(window))

    def _note_ratings(self, rated: Mapping[str, str]) -> None:
        """What was just said of replies, of which some may not be shown; "" takes it back."""
        noted = {**self.ratings, **{one: value for one, value in rated.items() if self._shows(one)}}
        put(self, ratings={one: value for one, value in noted.items() if value})

    def _branch_off(self, found: Joined, held: Mapping[str, Rows]) -> Mapping[str, Rows]:
        """Let go of what is not on the branch any more; the tail is made anew anyway. What is left."""
        counts = cut(found.keep, held)
        self._assign({name: () for name, count in counts.items() if not count and name != "tail"})
        partly = {name: count for name, count in counts.items() if count and name != "tail"}
        if partly:
            self.counts = self.counts | partly
        return {**held, **{name: held[name][:count] for name, count in counts.items()}}

    def _extend(
        self, window: Window, snapshots: Sequence[Snapshot], ids: list[str], held: Mapping[str, Rows]
    ) -> None:
        """Settle the turns before the live one; the last reply stays live until another one is."""
        self._live = live_id(snapshots) or (self._live if ids and ids[-1] == self._live else "")
        by_id = {one.message.id: one for one in snapshots}
        known = {one["id"]: one for one in self.tail}
        start = settled(ids, self._live)
        done = tuple(row(by_id[one], window) for one in ids[:start])
        tail = tuple(
            known.get(one) or blank(by_id[one], window) if one == self._live else row(by_id[one], window)
            for one in ids[start:]
        )
        poured = pour(done, held)
        self.earlier |= "window" in poured  # all in one: only the newest of it
        self._assign(poured | {"tail": tail})

    def _assign(self, values: Mapping[str, Rows]) -> None:
        """What is given to a var counts whole."""
        put(self, **values)
        if whole := self.counts.keys() & values.keys():
            self.counts = {name: count for name, count in self.counts.items() if name not in whole}

    def _first(self) -> str:
        """The id of the first message shown, "" for none."""
        return next((one["id"] for rows in self._counting(ORDER) for one in rows), "")

    def _last(self) -> str:
        """The id of the last message shown, "" for none."""
        return next((rows[-1]["id"] for rows in self._counting(reversed(ORDER)) if rows), "")

    def _shows(self, message_id: str) -> bool:
        return any(one["id"] == message_id for rows in self._counting(ORDER) for one in rows)

    def _held(self) -> dict[str, Rows]:
        return dict(zip(ORDER, self._counting(ORDER), strict=True))

    def _counting(self, names: Iterable[str]) -> Generator[Rows]:
        """What counts of these vars. To look at one costs something, and there are many: each is looked at
        when it is asked for."""
        # Past the wrappers that Reflex puts around what may be changed in place.
        counts = self.get_value("counts")
        for name in names:
            yield self.get_value(name)[: counts.get(name)]


def _parted(snapshots: Sequence[Snapshot]) -> tuple[Sequence[Snapshot], Sequence[Snapshot]]:
    """The conversation, and what waits behind the reply that is being made."""
    live = live_id(snapshots)
    end = next((at + 1 for at, one in enumerate(snapshots) if one.message.id == live), len(snapshots))
    return snapshots[:end], snapshots[end:]
