"""Identifiers: ours, and those that clients make up."""

import re
from typing import Final
from uuid import uuid4

from chatapp.domain.errors import Invalid

#: What a client may make up for a conversation or a request of its own.
KEY_PATTERN: Final = "[A-Za-z0-9_-]{1,64}"
_KEY: Final = re.compile(KEY_PATTERN)


def new_id() -> str:
    """A new identifier that nobody can guess: 32 lower-case hex characters, 122 random bits (RFC 9562,
    version 4)."""
    return uuid4().hex


def check_key(key: str) -> None:
    """Raises `Invalid` for what is no key."""
    if not _KEY.fullmatch(key):
        raise Invalid("A key has 1 to 64 letters, digits, hyphens or underscores.")
