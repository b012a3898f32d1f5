"""What browsers hand to handlers: anything at all, whatever the annotations say."""

import re
from typing import Final

from chatapp.domain.errors import Invalid

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
