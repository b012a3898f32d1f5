"""The shape of a conversation: a tree, of which one branch is shown."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chatapp.domain.messages import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """What the shape of the tree needs of a message."""

    id: str
    parent_id: str | None
    role: Role
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """Where a message stands among its siblings, oldest first: `index` of `count`, from 1.

    `previous_id` and `next_id` are "" at the ends.
    """

    index: int
    count: int
    previous_id: str
    next_id: str


def versions(nodes: Iterable[Node]) -> dict[str, Versions]:
    """The versions of those that have siblings: messages with the same parent and role."""
    families: defaultdict[tuple[str | None, Role], list[Node]] = defaultdict(list)
    for node in nodes:
        families[node.parent_id, node.role].append(node)
    found: dict[str, Versions] = {}
    for family in families.values():
        if len(family) > 1:
            ids = [node.id for node in sorted(family, key=lambda node: (node.created_at, node.id))]
            for place, one in enumerate(ids):
                found[one] = Versions(
                    index=place + 1,
                    count=len(ids),
                    previous_id=ids[place - 1] if place else "",
                    next_id=ids[place + 1] if place + 1 < len(ids) else "",
                )
    return found
