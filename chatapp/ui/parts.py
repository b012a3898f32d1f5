"""Where a growing markdown can be parted, so that what is settled is never read or drawn again.

Drawing markdown costs as much as it is long, and a reply is drawn again at each of its tokens. In parts it
costs as much as its last part. A part begins where a new block does and nothing before it can change any
more; a code block at the margin is a part of its own. Blocks that go on for too long are parted inside: then
the next part is given what it needs to stand for itself, a table its head and code its fence.
"""

import re
from typing import Final

#: Where a part begins, in characters as a browser counts them, and what stands before its text.
Cut = tuple[int, str]

#: A part is at least so long before the next block begins another one.
ENOUGH_CHARS: Final = 1_200
#: A part that would be longer is parted inside of its block. Models' paragraphs are seldom a third of this.
MOST_CHARS: Final = 4_000
#: Of a table: drawing a row costs more than its characters.
MOST_ROWS: Final = 40

_FENCE: Final = re.compile(r"([ \t]*)(`{3,}(?=[^`]*$)|~{3,})")
_ITEM: Final = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_DELIMITER_ROW: Final = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?\s*$")
#: Of a link or a footnote. What comes before may need it, so from here on no block begins a part.
_DEFINITION: Final = re.compile(r" {0,3}\[[^\]]+\]:")
_LAST_WORD: Final = re.compile(r"\S+$")


class Cuts:
    """The cuts of a text that grows, at ends of lines. How it comes in pieces makes no difference."""

    def __init__(self, text: str = "") -> None:
        self.cuts: list[Cut] = []
        self._part_at: int = 0
        self._line_at: int = 0
        self._line: str = ""
        self._before: str = ""
        self._fence: str = ""
        self._opening: str = ""
        self._head: str = ""
        self._rows: int = 0
        self._after_blank: bool = False
        self._in_list: bool = False
        self._in_math: bool = False
        self._needed: bool = False
        self._is_code: bool = False
        self.append(text)

    def append(self, text: str) -> tuple[Cut, ...]:
        """Read on; the new cuts."""
        count = len(self.cuts)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            rest = self._part_words(line)
            self._read(rest)
            self._line_at += _units(rest) + 1
            if self._is_code and not self._fence:
                self._cut(self._line_at)
        self._line = self._part_words(self._line)
        return tuple(self.cuts[count:])

    def _cut(self, at: int, lead: str = "") -> None:
        self._rows, self._in_list, self._is_code = 0, False, bool(lead and self._fence)
        if at > self._part_at:
            self.cuts.append((at, lead))
            self._part_at = at

    @property
    def _length(self) -> int:
        """Of the part, up to this line."""
        return self._line_at - self._part_at

    def _read(self, line: str) -> None:
        """A whole line, without its end."""
        if self._fence:
            self._read_code(line)
        elif not line.strip():
            self._after_blank, self._head = True, ""
        else:
            if not self._in_math and (fence := _FENCE.match(line)):
                self._open(line, *fence.groups())
            elif self._head or self._is_table(line):
                self._read_row(line)
            else:
                self._read_prose(line)
            self._after_blank = False
        self._before = line

    def _open(self, line: str, indent: str, fence: str) -> None:
        self._fence, self._opening, self._head = fence, line.strip() + "\n", ""
        if not indent and not self._needed:
            self._cut(self._line_at)
            self._is_code = True

    def _read_code(self, line: str) -> None:
        bare = line.strip()
        if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
            self._fence = ""
        elif self._length > MOST_CHARS:
            self._cut(self._line_at, self._opening)

    def _is_table(self, line: str) -> bool:
        is_table = "|" in self._before and "-" in line and _DELIMITER_ROW.match(line) is not None
        if is_table and not self._in_list:
            self._head, self._rows = f"{self._before}\n{line}\n", -1
        return bool(self._head)

    def _read_row(self, line: str) -> None:
        self._rows += 1
        if "|" not in line:
            self._head = ""
            self._read_prose(line)
        elif self._rows > MOST_ROWS or self._length > MOST_CHARS:
            self._cut(self._line_at, self._head)

    def _read_prose(self, line: str) -> None:
        is_item = _ITEM.match(line) is not None
        begins = self._after_blank and not line[0].isspace() and not (is_item and self._in_list)
        self._needed = self._needed or (line.lstrip()[0] == "[" and _DEFINITION.match(line) is not None)
        enough = begins and self._length >= ENOUGH_CHARS and not self._in_math and not self._needed
        if enough or self._length > MOST_CHARS:
            self._cut(self._line_at)
        self._in_list = is_item or (self._in_list and not begins)
        if line.count("$$") % 2 or (r"\[" in line) != (r"\]" in line):
            self._in_math = not self._in_math

    def _part_words(self, line: str) -> str:
        """A paragraph without an end is cut between two of its words; what is left of the line."""
        while not self._fence and not self._head and self._length + len(line) > 2 * MOST_CHARS:
            keep = max(MOST_CHARS - self._length, 0)
            word = _LAST_WORD.search(line[:keep])
            keep = word.start() if word and word.start() else keep
            self._line_at, line = self._line_at + _units(line[:keep]), line[keep:]
            self._cut(self._line_at)
        return line


def _units(text: str) -> int:
    """Of UTF-16, which is what a browser counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
