"""A growing text, or list of cuts, whose additions are cheap to send.

A delta of Reflex carries the whole value of a var, so what grows in one var costs O(n²) bytes. Here it is the
concatenation of six vars of growing size: what is new goes to the smallest, and a full one is poured into the
next. A token then costs the smallest var, and each character is sent again a bounded number of times.
"""

from typing import Final, Generic, TypeVar

from chatapp.ui.parts import Cut

#: Characters after which a level is poured into the next; the last one has no bound. Of the caps that were
#: tried (30 tokens a second, 20 flushes) these cost least from 400 to 32,000 tokens: a larger first level
#: makes each flush dearer, a smaller one pours too often. The last two count from 60,000 characters on.
TEXT_CAPS: Final = (40, 200, 1_200, 8_000, 40_000)
#: Cuts, in the same way. There may be as many as one for each few words, where short blocks of code are.
CUT_CAPS: Final = (4, 16, 64, 256, 1_024)
LEVELS: Final = len(TEXT_CAPS) + 1

Grown = TypeVar("Grown", str, tuple[Cut, ...])


class Levels(Generic[Grown]):
    """The whole is its levels, the last one first. It begins settled, in the last one."""

    __slots__ = ("_caps", "_changed", "levels")

    def __init__(self, start: Grown, caps: tuple[int, ...]) -> None:
        self._caps = caps
        self.levels: list[Grown] = self._settled(start)
        self._changed: set[int] = set()

    @property
    def whole(self) -> Grown:
        """All that was appended, less what was cut."""
        whole = self.levels[-1]
        for level in reversed(self.levels[:-1]):
            whole += level
        return whole

    def append(self, more: Grown) -> None:
        """Add to the end."""
        if more:
            self._put(0, more)
            for level, cap in enumerate(self._caps):
                if len(self.levels[level]) <= cap:
                    break
                self._put(level + 1, self.levels[level])
                self.levels[level] = more[:0]

    def _put(self, level: int, more: Grown) -> None:
        self.levels[level] += more
        self._changed.add(level)

    def cut(self, keep: int) -> None:
        """Keep so many from the beginning only."""
        self.levels = self._settled(self.whole[:keep])
        self._changed = set(range(LEVELS))

    @staticmethod
    def _settled(whole: Grown) -> list[Grown]:
        return [*[whole[:0]] * (LEVELS - 1), whole]

    def take_changes(self) -> dict[int, Grown]:
        """The levels that changed since this was last asked."""
        changes = {level: self.levels[level] for level in sorted(self._changed)}
        self._changed.clear()
        return changes


def live_text(text: str = "") -> Levels[str]:
    """A text, in characters."""
    return Levels(text, TEXT_CAPS)


def live_cuts(cuts: tuple[Cut, ...] = ()) -> Levels[tuple[Cut, ...]]:
    """Where a text is parted."""
    return Levels(cuts, CUT_CAPS)
