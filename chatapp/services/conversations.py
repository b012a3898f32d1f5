"""Reading conversations."""

from dataclasses import dataclass

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import ConversationBusy, NotFound
from chatapp.domain.fold import Snapshot
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import TreeChanged, conversation_topic, owner_topic
from chatapp.streams.broadcast import Broadcast


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The end of the branch that is shown, oldest message first.

    A reply that is being made has its text so far, and its `seq` says which events that covers.
    """

    conversation: Conversation
    snapshots: tuple[Snapshot, ...]
    has_earlier: bool


class Conversations:
    """What somebody may see of their conversations."""

    def __init__(self, *, database: Database, broadcast: Broadcast) -> None:
        self._database: Database = database
        self._broadcast: Broadcast = broadcast

    async def newest(self, principal: Principal, *, limit: int = 50) -> list[Conversation]:
        """The owner's conversations, the last used first."""
        owner_id = principal.account_id
        return await self._database.read(
            lambda transaction: ConversationRepository(transaction).newest(owner_id, limit=limit)
        )

    async def window(
        self, principal: Principal, conversation_id: str, *, limit: int = 60, before: str | None = None
    ) -> Window:
        """The last `limit` messages of the branch, or those before a message of it.

        Raises `NotFound`.
        """

        def work(transaction: Transaction) -> Window:
            conversations = ConversationRepository(transaction)
            conversation = conversations.get(principal.account_id, conversation_id)
            if conversation is None:
                raise NotFound
            leaf = conversation.leaf_id
            if before is not None:
                found = conversations.message(principal.account_id, before)
                if found is None or found[0].key != conversation.key:
                    raise NotFound
                leaf = found[1].parent_id
            stored = conversations.branch(conversation.key, leaf, limit=limit + 1)
            snapshots = tuple(_current(transaction, snapshot) for snapshot in stored[-limit:])
            return Window(conversation=conversation, snapshots=snapshots, has_earlier=len(stored) > limit)

        return await self._database.read(work)

    async def delete(self, principal: Principal, conversation_id: str) -> None:
        """Deletes a conversation for good.

        Raises `NotFound`, `ConversationBusy` (stop the reply first).
        """

        def work(transaction: Transaction) -> Conversation:
            conversations = ConversationRepository(transaction)
            conversation = conversations.get(principal.account_id, conversation_id)
            if conversation is None:
                raise NotFound
            if RunRepository(transaction).unfinished_in(conversation.key):
                raise ConversationBusy
            conversations.delete(principal.account_id, conversation_id)
            return conversation

        conversation = await self._database.write(work)
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())
        self._broadcast.publish(owner_topic(principal.account_id), TreeChanged())


def _current(transaction: Transaction, snapshot: Snapshot) -> Snapshot:
    """A message that is being made, with what its log has so far; one transaction, so without a gap."""
    message = snapshot.message
    if message.status.is_final or message.run_id is None:
        return snapshot
    return snapshot.after(RunRepository(transaction).log(message.run_id, after=snapshot.seq))
