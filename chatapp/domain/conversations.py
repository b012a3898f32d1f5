"""A conversation: a tree of messages with an owner."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """What lists and headers show; `leaf_id` ends the branch that is shown.

    `id` is unique for its owner only: programs may make it up, and two owners may use the same.
    `key` is the database's own.
    """

    key: int
    id: str
    owner_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    leaf_id: str | None = None
    model: str = ""
    pinned: bool = False
    archived: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A conversation in a list, and whether a reply is queued or being made in it."""

    conversation: Conversation
    generating: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A list of conversations: pinned ones first, then the last used."""

    items: tuple[Listed, ...]
    has_more: bool
