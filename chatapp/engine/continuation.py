"""Joins what a model sends to the text that readers have been shown already.

A takeover asks the model to go on where the text stops. Most do. Some servers ignore the beginning they are
given and start again: then their text repeats what is there, and only what comes after it is new.
"""

from dataclasses import dataclass

#: Text that repeats so many characters of the reply's beginning is a new start, not a coincidence. A reply
#: shorter than this is not continued at all: it is asked for again, and compared from its first character.
SURE_CHARS = 48


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """Text to append; first cut what is shown to `keep_chars` characters where that is not None."""

    text: str
    keep_chars: int | None = None


class Continuation:
    """Feeds a second attempt's text to a reply of which `kept` is there.

    Any split of the text into chunks gives the same reply. Text is held back only while it cannot be told yet
    whether the model goes on or starts again, at most `SURE_CHARS` characters.
    """

    def __init__(self, kept: str) -> None:
        self._kept: str = kept
        self._held: str = ""
        self._repeated: int = 0
        self._repeats: bool = 0 < len(kept) < SURE_CHARS
        self._appends: bool = not kept

    @property
    def asks_anew(self) -> bool:
        """True when the model should be asked without the kept text."""
        return len(self._kept) < SURE_CHARS

    def feed(self, text: str) -> Joined:
        """What to do with more text of the model."""
        if self._appends:
            return Joined(text=text)
        if self._repeats:
            return self._compare(text)
        self._held += text
        if len(self._held) < SURE_CHARS and self._kept.startswith(self._held):
            return Joined(text="")
        held, self._held = self._held, ""
        if self._kept.startswith(held[:SURE_CHARS]):
            self._repeats = True
            return self._compare(held)
        self._appends = True
        return Joined(text=held)

    def end(self) -> Joined:
        """What is left to do when the model has finished."""
        if self._repeats and not self._appends:
            # It started again and stopped earlier than before: its word counts.
            return Joined(text="", keep_chars=self._repeated)
        held, self._held = self._held, ""
        return Joined(text=held)

    def _compare(self, text: str) -> Joined:
        rest = self._kept[self._repeated : self._repeated + len(text)]
        same = _common_prefix(rest, text)
        self._repeated += same
        if same == len(text) and self._repeated < len(self._kept):
            return Joined(text="")
        self._appends = True
        keep_chars = None if self._repeated == len(self._kept) else self._repeated
        return Joined(text=text[same:], keep_chars=keep_chars)


def _common_prefix(one: str, other: str) -> int:
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
