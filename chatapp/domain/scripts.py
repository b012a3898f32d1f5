"""Scripts that are written without spaces between words. They are searched character by character."""

import re
from typing import Final

#: A character of one of them. Korean has spaces, but its particles stand behind words without one.
UNSPACED: Final = (
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\uff66-\uff9f"  # Japanese, Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
    "\uac00-\ud7af"  # Korean
    "]"
)
_EACH: Final = re.compile(UNSPACED)


def spaced(text: str) -> str:
    """The text with a space on both sides of each such character: each is a word to who looks for spaces."""
    return text if text.isascii() else _EACH.sub(r" \g<0> ", text)
