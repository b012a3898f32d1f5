"""What any text must go through before it is kept."""

import re

#: Titles are shown in a narrow list.
MAX_TITLE_CHARS = 60
#: Of a conversation in which nothing was said yet.
UNTITLED = "New chat"
_SPACE = re.compile(r"\s+")
_MARKDOWN_EDGE = re.compile(r"^[#>*\-+`\s]+")


def clean(text: str) -> str:
    """The text without what no database and no wire can hold: NUL, and surrogates that stand alone.

    Pairs of surrogates, as some clients send them, become the character they mean; a lone one becomes U+FFFD.
    """
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def title_of(text: str) -> str:
    """A title made of a message's first words, cut between words."""
    first = next((line for line in text.splitlines() if _MARKDOWN_EDGE.sub("", line)), text)
    line = _SPACE.sub(" ", _MARKDOWN_EDGE.sub("", first)).strip() or UNTITLED
    if len(line) <= MAX_TITLE_CHARS:
        return line
    cut = line[: MAX_TITLE_CHARS - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > MAX_TITLE_CHARS // 2 else cut).rstrip(" ,;:.") + "…"
