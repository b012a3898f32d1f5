"""What browsers hand to handlers: anything at all, whatever the annotations say."""

import re
from typing import Final

from chatapp.domain.errors import Invalid

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: No line is longer, and every list can be asked for this place.
_MANY: Final = 1_000_000


def identifier(value: object) -> str:
    """An id or a key. Raises `Invalid`."""
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise Invalid
    return value


def words(value: object) -> str:
    """A text; the socket's frames bound its length. Raises `Invalid`."""
    if not isinstance(value, str):
        raise Invalid
    return value


def position(value: object) -> int:
    """A place in a line, 0 for the first; one beyond its end is the end. Raises `Invalid`."""
    if not isinstance(value, int) or not 0 <= value <= _MANY:
        raise Invalid
    return value
