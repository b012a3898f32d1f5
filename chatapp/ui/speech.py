"""What is said aloud of a reply that is being made, to those who cannot see it grow.

Whole sentences without their marks, one announcement a second at most. Code and formulas are passed over,
a table is only named. When a reply comes faster than it can be listened to, the newest wins: all of it is
there to be read.
"""

import re
from typing import Final

#: A screen reader that is told more often never comes to the end of a sentence.
PAUSE_SECONDS: Final = 1.0
#: What was sent so shortly before the end of a reply may be replaced before it was drawn: it is said again.
DRAWN_SECONDS: Final = 0.25
#: What may wait to be said: about ten seconds of speech.
MOST_CHARS: Final = 240

_FENCES: Final = ("```", "~~~")
_SENTENCES: Final = re.compile(r".*[.!?…:][\"')\]*_`]*\s", re.DOTALL)
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_LINE_MARKS: Final = re.compile(r"\s*(?:#{1,6}\s|>\s?|[-*+]\s(?:\[[ x]\]\s)?)+")
_MARKS: Final = re.compile(r"\*+|`+|~~|__")


class Speech:
    """What of a growing markdown is still to be said; nothing of the text that it begins with."""

    def __init__(self, text: str = "") -> None:
        self._pending: list[str] = []
        self._said: str = ""
        self._said_at: float | None = None
        #: The end of the text, of which no sentence is whole yet.
        self._rest: str = ""
        self._in_line: bool = False
        #: Something of this line was read already.
        self._begun: bool = False
        self._passed_over: bool = False
        self._fence: str = ""
        self._formula: bool = False
        self._table: bool = False
        self.append(text)
        self._pending.clear()

    def append(self, text: str) -> None:
        """More of the reply."""
        *lines, rest = (self._rest + text).split("\n")
        for line in lines:
            self._read(line, whole=True)
            self._in_line = False
        self._rest = self._read(rest, whole=False)

    def say(self, words: str) -> None:
        """To be said after what waits."""
        self._pending.append(words)
        while len(self._pending) > 1 and sum(map(len, self._pending)) > MOST_CHARS:
            del self._pending[0]

    def take(self, now: float, *, at_once: bool = False) -> str:
        """What is to be announced now; empty for nothing.

        `now` is the time at which it is sent and not at which it was written (seconds, monotonic): after a
        hiccup much is sent at once, and what is replaced before it was drawn is never heard.
        """
        if not self._pending:
            return ""
        if not at_once and self._said_at is not None and now - self._said_at < PAUSE_SECONDS:
            return ""
        words = " ".join(self._pending)
        if self._said_at is not None and now - self._said_at < DRAWN_SECONDS:
            words = f"{self._said} {words}"
        self._said, self._pending, self._said_at = words, [], now
        return words

    def _read(self, line: str, *, whole: bool) -> str:
        """A line, or what is there of it; what of it must be read again when there is more."""
        if not self._in_line:
            bare = line.strip()
            if not whole and (len(bare) < len(_FENCES[0]) or bare.startswith("$$")):
                return line
            self._in_line, self._begun = True, False
            self._passed_over = self._passes_over(bare)
        if self._passed_over:
            return ""
        found = None if whole else _SENTENCES.match(line)
        end = len(line) if whole else found.end() if found else 0
        if end:
            self._say(line[:end])
        return line[end:]

    def _say(self, part: str) -> None:
        start = None if self._begun else _LINE_MARKS.match(part)
        self._begun = True
        words = _MARKS.sub("", _LINK.sub(r"\1", part[start.end() :] if start else part)).split()
        if words:
            self.say(" ".join(words))

    def _passes_over(self, line: str) -> bool:
        was_table, self._table = self._table, not self._fence and line.startswith("|")
        if self._fence:
            self._fence = "" if line.startswith(self._fence) else self._fence
        elif line.startswith(_FENCES):
            self._fence = line[: len(_FENCES[0])]
        elif line.startswith("$$") or self._formula:
            self._formula ^= line.count("$$") == 1
        elif self._table:
            if not was_table:
                self.say("Table.")
        else:
            return False
        return True
