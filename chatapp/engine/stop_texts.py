"""Ends a reply before a text that a program named, whatever the model's server makes of that."""

from collections.abc import Sequence


class StopTexts:
    """Any split of a reply into chunks ends in the same place: before the first of these texts.

    Text is held back only while it may be the beginning of one.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts: Sequence[str] = texts
        self._held: str = ""
        self.reached: bool = False

    def feed(self, text: str) -> str:
        """What of the text so far is part of the reply."""
        if not self._texts:
            return text
        text = self._held + text
        # The one that is whole first, not the one that begins first: what follows may not be here yet.
        found = [(place + len(stop), place) for stop in self._texts if (place := text.find(stop)) >= 0]
        if found:
            self._held, self.reached = "", True
            return text[: min(found)[1]]
        keep = len(text) - self._open(text)
        self._held = text[keep:]
        return text[:keep]

    def end(self) -> str:
        """What was held back, once nothing can follow it."""
        rest, self._held = self._held, ""
        return rest

    def _open(self, text: str) -> int:
        """How many characters at its end may be the beginning of a stop text."""
        longest = min(max(map(len, self._texts)) - 1, len(text))
        ends = (text[-size:] for size in range(longest, 0, -1))
        return next((len(end) for end in ends if any(stop.startswith(end) for stop in self._texts)), 0)
