"""The part of a text around the words that somebody searched for, with the words marked."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from chatapp.domain.scripts import UNSPACED, spaced

#: Characters before the first word found, and in all: two lines in a narrow list.
LEAD_CHARS: Final = 40
SNIPPET_CHARS: Final = 160

Pieces = tuple[tuple[str, bool], ...]


def snippet(text: str, words: Sequence[str]) -> Pieces:
    """The text around the first of the words, in pieces: text, and whether it is one of the words.

    The last word may be a beginning. Case and accents do not matter. Where a part was left out is "…". When
    none of the words is there, the beginning of the text.
    """
    folded = _folded(text)
    pattern = _pattern(words, folded)
    first = pattern.search(folded) if pattern else None
    start = _start(text, first.start()) if first else 0
    end = _end(text, start + SNIPPET_CHARS)
    pieces: list[tuple[str, bool]] = [("…", False)] if start else []
    place = start
    for found in pattern.finditer(folded, start, end) if pattern else ():
        pieces += [(text[place : found.start()], False), (text[found.start() : found.end()], True)]
        place = found.end()
    pieces += [(text[place:end], False), ("…" if end < len(text) else "", False)]
    return tuple((piece, marked) for piece, marked in pieces if piece)


def _start(text: str, first: int) -> int:
    """A little before the first word, at the beginning of a word if there is one."""
    if first <= LEAD_CHARS:
        return 0
    space = text.find(" ", first - LEAD_CHARS, first)
    return space + 1 if space >= 0 else first - LEAD_CHARS


def _end(text: str, end: int) -> int:
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", end - LEAD_CHARS, end)
    return space if space >= 0 else end


#: Accents may stand behind their letters as characters of their own.
_MARKS: Final = "[\u0300-\u036f]*"
_LETTER: Final = r"[^\W_]"


class _Edges(NamedTuple):
    """Where a word begins and ends, and what follows to its end."""

    begin: str
    end: str
    rest: str


#: A word begins and ends where letters do.
_SPACED: Final = _Edges(f"(?<!{_LETTER})", f"(?!{_LETTER})", f"(?:{_LETTER}|[\u0300-\u036f])*")
#: And at each letter of a script without spaces: 10 ms to compile, so for texts that have such letters alone.
_MIXED: Final = _Edges(
    f"(?:{_SPACED.begin}|(?<={UNSPACED})|(?={UNSPACED}))",
    f"(?:{_SPACED.end}|(?<={UNSPACED})|(?={UNSPACED}))",
    f"(?:(?<!{UNSPACED})(?!{UNSPACED})(?:{_LETTER}|[\u0300-\u036f]))*",
)
_UNSPACED: Final = re.compile(UNSPACED)


def _pattern(words: Sequence[str], text: str) -> re.Pattern[str] | None:
    """Any of the words where a word of this text begins; the last one with what follows to the end of it."""
    edges = _SPACED if text.isascii() or not _UNSPACED.search(text) else _MIXED
    whole = [pattern for word in words[:-1] if (pattern := _letters(word))]
    beginning = _letters(words[-1]) if words else ""
    choices = [beginning + edges.rest] if beginning else []
    choices += [one + edges.end for one in sorted(whole, key=len, reverse=True)]
    return re.compile(f"{edges.begin}(?:{'|'.join(choices)})") if choices else None


def _letters(word: str) -> str:
    """The letters of a word; what stands between them may be anything that is none, and between those of a
    script without spaces also nothing."""
    runs = re.findall(f"{_LETTER}+", re.sub(_MARKS, "", _folded(word)))
    return r"[\W_]+".join(r"[\W_]*".join(map(_run, spaced(run).split())) for run in runs)


def _run(letters: str) -> str:
    return _MARKS.join(map(re.escape, letters)) + _MARKS


class _Folding(dict[int, str]):
    """Each character without accent and case, as one character again: places in the text stay the same."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        letter, *marks = unicodedata.normalize("NFD", character)
        # What Korean syllables and Japanese sounds are made of is no accent.
        base = (letter if all("\u0300" <= mark <= "\u036f" for mark in marks) else character).lower()
        self[code] = folded = base if len(base) == 1 else character
        return folded


_FOLDING: Final = _Folding()


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_FOLDING)
