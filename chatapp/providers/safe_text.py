"""Text that every store and every browser can hold."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def safe_text(text: str) -> str:
    """The text with NUL and lone surrogates replaced by U+FFFD; surrogates that make a pair are joined."""
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def open_surrogate(text: str) -> bool:
    """True when the text ends in the first half of a pair: the second may come with the next piece.

    Servers that count in UTF-16 cut their pieces there.
    """
    return bool(text) and "\ud800" <= text[-1] <= "\udbff"
