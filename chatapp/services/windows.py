"""The part of a branch that is on a screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import NotFound
from chatapp.domain.feedback import Feedback
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Role, Status
from chatapp.domain.tree import Versions, versions
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Transaction
from chatapp.storage.feedback import FeedbackRepository
from chatapp.storage.runs import RunRepository
from chatapp.storage.trees import TreeRepository

__all__ = ["Versions", "Window", "current", "joined", "window_after", "window_around", "window_at_end"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A part of the branch that is shown, oldest message first.

    A reply that is being made has its text so far, and its `seq` says which events that covers. `versions`
    has those of the messages that have siblings, `feedback` what the owner said of replies.
    """

    conversation: Conversation
    snapshots: tuple[Snapshot, ...]
    has_earlier: bool
    has_later: bool
    versions: Mapping[str, Versions]
    feedback: Mapping[str, Feedback]


def joined(earlier: Window, later: Window) -> Window:
    """Both as one; the later one begins where the earlier one ends."""
    return Window(
        conversation=later.conversation,
        snapshots=(*earlier.snapshots, *later.snapshots),
        has_earlier=earlier.has_earlier,
        has_later=later.has_later,
        versions={**earlier.versions, **later.versions},
        feedback={**earlier.feedback, **later.feedback},
    )


def window_at_end(
    transaction: Transaction, conversation: Conversation, *, limit: int, before: str | None
) -> Window:
    """The last messages of the branch, or those before one of it. The cost grows with what is shown.

    Raises `NotFound` for a `before` that is not in the conversation.
    """
    conversations = ConversationRepository(transaction)
    leaf = conversation.leaf_id
    if before is not None:
        found = conversations.message(conversation.owner_id, before)
        if found is None or found[0].key != conversation.key:
            raise NotFound
        leaf = found[1].parent_id
    stored = conversations.branch(conversation.key, leaf, limit=limit + 1)
    return _window(
        transaction,
        conversation,
        stored[-limit:],
        has_earlier=len(stored) > limit,
        has_later=before is not None,
    )


def window_after(
    transaction: Transaction, conversation: Conversation, message_id: str, *, limit: int
) -> Window | None:
    """The messages of the branch that follow this one; None when it is not on it."""
    path = _path(transaction, conversation)
    if message_id not in path:
        return None
    start = path.index(message_id) + 1
    return _slice(transaction, conversation, path, start, start + limit)


def window_around(
    transaction: Transaction, conversation: Conversation, message_id: str, *, limit: int
) -> Window | None:
    """The part of the branch in the middle of which this message is; None when it is not on the branch."""
    path = _path(transaction, conversation)
    if message_id not in path:
        return None
    start = max(0, min(path.index(message_id) - limit // 2, len(path) - limit))
    return _slice(transaction, conversation, path, start, start + limit)


def _path(transaction: Transaction, conversation: Conversation) -> list[str]:
    leaf_id = conversation.leaf_id
    return TreeRepository(transaction).path(conversation.key, leaf_id) if leaf_id else []


def _slice(
    transaction: Transaction, conversation: Conversation, path: Sequence[str], start: int, end: int
) -> Window:
    stored = TreeRepository(transaction).snapshots(conversation.key, path[start:end])
    return _window(transaction, conversation, stored, has_earlier=start > 0, has_later=end < len(path))


def _window(
    transaction: Transaction,
    conversation: Conversation,
    stored: Sequence[Snapshot],
    *,
    has_earlier: bool,
    has_later: bool,
) -> Window:
    parents = [snapshot.message.parent_id for snapshot in stored]
    families = versions(TreeRepository(transaction).children(conversation.key, parents))
    shown = {snapshot.message.id for snapshot in stored}
    replies = [one.message.id for one in stored if one.message.role is Role.ASSISTANT]
    return Window(
        conversation=conversation,
        snapshots=tuple(current(transaction, snapshot) for snapshot in stored),
        has_earlier=has_earlier,
        has_later=has_later,
        versions={one: found for one, found in families.items() if one in shown},
        feedback=FeedbackRepository(transaction).of(conversation.owner_id, replies),
    )


def current(transaction: Transaction, snapshot: Snapshot) -> Snapshot:
    """A message that is being made, with what its log has so far; one transaction, so without a gap."""
    message = snapshot.message
    # What waits for its turn has no log yet.
    if message.status.is_final or message.status is Status.QUEUED or message.run_id is None:
        return snapshot
    return snapshot.after(RunRepository(transaction).log(message.run_id, after=snapshot.seq))
