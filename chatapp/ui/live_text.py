"""A growing text whose additions are cheap to send.

A delta of Reflex carries the whole value of a var, so a text in one var costs O(n²) bytes. Here it is the
concatenation of five vars of growing size: what is new goes to the smallest, and a full one is poured into
the next. A token then costs the smallest var, and each character is sent again a bounded number of times.
"""

from typing import Final

#: Characters after which a level is poured into the next; the last one has no bound. Of the caps that were
#: tried (30 tokens a second, 20 flushes) these cost least from 400 to 32,000 tokens: a larger first level
#: makes each flush dearer, a smaller one pours too often, and a sixth level saves nothing below 100,000
#: characters.
CAPS: Final = (40, 200, 1_200, 8_000)
LEVELS: Final = len(CAPS) + 1


class LiveText:
    """The text is its levels, the last one first."""

    __slots__ = ("_changed", "levels")

    def __init__(self, text: str = "") -> None:
        self.levels = self._settled(text)
        self._changed: set[int] = set()

    @property
    def text(self) -> str:
        """All that was appended, less what was cut."""
        return "".join(reversed(self.levels))

    def append(self, text: str) -> None:
        """Add to the end."""
        if text:
            self._put(0, text)
            for level, cap in enumerate(CAPS):
                if len(self.levels[level]) <= cap:
                    break
                self._put(level + 1, self.levels[level])
                self.levels[level] = ""

    def _put(self, level: int, text: str) -> None:
        self.levels[level] += text
        self._changed.add(level)

    def cut(self, keep_chars: int) -> None:
        """Keep the first characters only."""
        self.levels = self._settled(self.text[:keep_chars])
        self._changed = set(range(LEVELS))

    @staticmethod
    def _settled(text: str) -> list[str]:
        return [*[""] * (LEVELS - 1), text]

    def take_changes(self) -> dict[int, str]:
        """The levels that changed since this was last asked."""
        changes = {level: self.levels[level] for level in sorted(self._changed)}
        self._changed.clear()
        return changes
