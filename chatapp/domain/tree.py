"""Walks in a conversation's tree of messages."""

from collections.abc import Iterable, Mapping

from chatapp.domain.messages import Message


def branch(messages: Mapping[str, Message], leaf_id: str | None) -> list[Message]:
    """The messages from the root to the leaf; empty when the leaf is not there."""
    path: list[Message] = []
    node = messages.get(leaf_id) if leaf_id else None
    while node is not None:
        path.append(node)
        node = messages.get(node.parent_id) if node.parent_id else None
    return path[::-1]


def siblings(messages: Iterable[Message], message: Message) -> list[Message]:
    """All messages with the same parent and role, oldest first, the message itself among them."""
    same = [m for m in messages if m.parent_id == message.parent_id and m.role == message.role]
    return sorted(same, key=lambda m: (m.created_at, m.id))
