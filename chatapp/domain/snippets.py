"""The part of a text around the words that somebody searched for, with the words marked."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

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
    pattern = _pattern(words)
    folded = _folded(text)
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
#: A word begins and ends where letters do, and at each letter of a script without spaces.
_BEGIN: Final = f"(?:(?<!{_LETTER})|(?<={UNSPACED})|(?={UNSPACED}))"
_END: Final = f"(?:(?!{_LETTER})|(?<={UNSPACED})|(?={UNSPACED}))"
_REST: Final = f"(?:(?<!{UNSPACED})(?!{UNSPACED})(?:{_LETTER}|[\u0300-\u036f]))*"


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    """Any of the words where a word begins; the last one with what follows to the end of its word."""
    whole = [pattern for word in words[:-1] if (pattern := _letters(word))]
    beginning = _letters(words[-1]) if words else ""
    choices = [beginning + _REST] if beginning else []
    choices += [one + _END for one in sorted(whole, key=len, reverse=True)]
    return re.compile(f"{_BEGIN}(?:{'|'.join(choices)})") if choices else None


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
