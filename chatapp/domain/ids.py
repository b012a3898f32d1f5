"""Identifiers: 32 lower-case hex characters, 122 random bits (RFC 9562, version 4)."""

from uuid import uuid4


def new_id() -> str:
    """A new identifier that nobody can guess."""
    return uuid4().hex
