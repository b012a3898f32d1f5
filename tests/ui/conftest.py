"""Opened services, and browsers that are only sockets."""

from tests.chat import chat, opening, upstream

__all__ = ["chat", "opening", "upstream"]
