"""Reading conversations, and keeping them in order."""

from datetime import UTC, datetime, timedelta
from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation, Listed, Listing
from chatapp.domain.errors import Conflict, Invalid, NotFound
from chatapp.domain.runs import Run
from chatapp.domain.texts import MAX_TITLE_CHARS, clean
from chatapp.engine.worker import Worker
from chatapp.services.windows import Versions, Window, window_after, window_around, window_at_end
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.deleted import DeletedRepository
from chatapp.storage.runs import RunRepository
from chatapp.storage.trees import TreeRepository
from chatapp.streams.base import Job, TreeChanged, conversation_topic, owner_topic
from chatapp.streams.broadcast import Broadcast

__all__ = ["UNDO_WINDOW", "Conversations", "Listed", "Listing", "Versions", "Window"]

#: What was deleted can be had back for so long; then it is purged.
UNDO_WINDOW: Final = timedelta(minutes=5)
#: So many messages are purged in one transaction: it takes some 20 ms, most of it in the search index, and
#: sends and replies wait behind it. A conversation of 10,000 in one piece stopped them all for 2 s.
PURGE_BATCH: Final = 100


class Conversations:
    """What somebody may see of their conversations, and how they keep them.

    All calls raise `NotFound` for what is not there or not theirs.
    """

    def __init__(self, *, database: Database, worker: Worker, broadcast: Broadcast) -> None:
        self._database: Database = database
        self._worker: Worker = worker
        self._broadcast: Broadcast = broadcast

    async def listing(self, principal: Principal, *, limit: int = 50, archived: bool = False) -> Listing:
        """The owner's conversations, pinned ones first, then the last used; archived ones are apart."""
        found = await self._database.read(
            lambda transaction: ConversationRepository(transaction).listed(
                principal.account_id, archived=archived, limit=limit + 1
            )
        )
        return Listing(items=tuple(found[:limit]), has_more=len(found) > limit)

    async def last_model(self, principal: Principal) -> str:
        """The model of the conversation that was used last; "" when there is none."""
        return await self._database.read(
            lambda transaction: ConversationRepository(transaction).last_model(principal.account_id)
        )

    async def window(
        self,
        principal: Principal,
        conversation_id: str,
        *,
        limit: int = 60,
        before: str | None = None,
        after: str | None = None,
    ) -> Window:
        """The last `limit` messages of the branch; or those before, or after, a message of it."""

        def work(transaction: Transaction) -> Window:
            conversation = _found(transaction, principal, conversation_id)
            if after is None:
                return window_at_end(transaction, conversation, limit=limit, before=before)
            window = window_after(transaction, conversation, after, limit=limit)
            if window is None:
                raise NotFound
            return window

        return await self._database.read(work)

    async def around(
        self,
        principal: Principal,
        conversation_id: str,
        message_id: str,
        *,
        limit: int = 60,
        shown_only: bool = False,
    ) -> Window:
        """The part of its branch in the middle of which this message is. The branch is shown from now on;
        or `NotFound` with `shown_only`, if it is another one.
        """

        def work(transaction: Transaction) -> Window | None:
            conversation = _found(transaction, principal, conversation_id)
            return window_around(transaction, conversation, message_id, limit=limit)

        window = await self._database.read(work)
        if window is None and not shown_only:
            # Not on the branch that is shown, or not there at all.
            await self._show(principal, message_id, within=conversation_id)
            window = await self._database.read(work)
        if window is None:
            raise NotFound
        return window

    async def show_version(self, principal: Principal, message_id: str) -> None:
        """Shows the newest branch through this message from now on, in every tab. A reply that is being made
        in another branch goes on."""
        await self._show(principal, message_id)

    async def rename(self, principal: Principal, conversation_id: str, title: str) -> None:
        """Gives it a title, of one line and not too long. Raises `Invalid` for an empty one."""
        title = " ".join(clean(title).split())[: 2 * MAX_TITLE_CHARS].rstrip()
        if not title:
            raise Invalid("The title is empty.", advice="Please write one.")
        await self._change(principal, conversation_id, title=title)

    async def pin(self, principal: Principal, conversation_id: str, pinned: bool) -> None:
        """Keeps it at the top of the list, or lets it go from there."""
        await self._change(principal, conversation_id, pinned=pinned)

    async def archive(self, principal: Principal, conversation_id: str, archived: bool) -> None:
        """Takes it out of the list, or back into it; the next message sent to it does that too."""
        await self._change(principal, conversation_id, archived=archived)

    async def delete(self, principal: Principal, conversation_id: str) -> None:
        """Stops its replies and takes it out of sight at once; it is purged after `UNDO_WINDOW`."""

        def work(transaction: Transaction) -> tuple[Conversation, list[Run]]:
            conversation = _found(transaction, principal, conversation_id)
            DeletedRepository(transaction).delete(conversation.key, at=datetime.now(UTC))
            return conversation, RunRepository(transaction).cancel_all(conversation.key)

        self._stopped(*await self._database.write(work))

    async def restore(self, principal: Principal, conversation_id: str) -> None:
        """Takes a deletion back; what is not deleted stays as it is.

        Raises `Conflict` when somebody sent to this id meanwhile, `NotFound` after `UNDO_WINDOW`.
        """

        def work(transaction: Transaction) -> Conversation:
            deleted = DeletedRepository(transaction)
            since = datetime.now(UTC) - UNDO_WINDOW
            restored = deleted.restore(principal.account_id, conversation_id, since=since)
            if restored is None:
                restored = _found(transaction, principal, conversation_id)
                if deleted.aside_of(principal.account_id, conversation_id, since=since):
                    raise Conflict(
                        "There is a new conversation in its place.", advice="Please delete that one first."
                    )
            return restored

        self._tell(await self._database.write(work))

    async def clear(self, principal: Principal, conversation_id: str) -> str:
        """Stops its replies and takes all messages out of sight; id and title stay.

        Returns a token for `unclear`, good for `UNDO_WINDOW`.
        """

        def work(transaction: Transaction) -> tuple[Conversation, list[Run], str]:
            conversation = _found(transaction, principal, conversation_id)
            stopping = RunRepository(transaction).cancel_all(conversation.key)
            token = DeletedRepository(transaction).put_aside(conversation, at=datetime.now(UTC))
            return conversation, stopping, token

        conversation, stopping, token = await self._database.write(work)
        self._stopped(conversation, stopping)
        return token

    async def unclear(self, principal: Principal, conversation_id: str, token: str) -> None:
        """Brings back what was cleared. Raises `Conflict` when something was sent meanwhile."""

        def work(transaction: Transaction) -> Conversation:
            conversation = _found(transaction, principal, conversation_id)
            deleted = DeletedRepository(transaction)
            since = datetime.now(UTC) - UNDO_WINDOW
            cleared = deleted.aside_of(principal.account_id, conversation_id, since=since)
            aside = next((one for one in cleared if one.id == token), None)
            if aside is None:
                raise NotFound
            if conversation.leaf_id is not None:
                raise Conflict("Something was sent meanwhile.", advice="Please go on from there.")
            deleted.put_back(aside, conversation)
            return conversation

        self._tell(await self._database.write(work))

    async def purge(self, *, now: datetime | None = None) -> int:
        """Removes for good what was deleted longer than `UNDO_WINDOW` ago; returns how many."""
        before = (now or datetime.now(UTC)) - UNDO_WINDOW
        purged = 0

        def work(transaction: Transaction) -> int | None:
            return DeletedRepository(transaction).purge(before=before, most=PURGE_BATCH)

        while (gone := await self._database.write(work)) is not None:
            purged += gone
        return purged

    async def _show(self, principal: Principal, message_id: str, *, within: str | None = None) -> None:
        def work(transaction: Transaction) -> Conversation:
            conversations = ConversationRepository(transaction)
            found = conversations.message(principal.account_id, message_id)
            if found is None or within not in {None, found[0].id}:
                raise NotFound
            leaf_id = TreeRepository(transaction).newest_leaf(found[0].key, message_id)
            conversations.show(found[0].key, leaf_id)
            return found[0]

        conversation = await self._database.write(work)
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())

    async def _change(self, principal: Principal, conversation_id: str, **values: str | bool) -> None:
        def work(transaction: Transaction) -> Conversation:
            conversations = ConversationRepository(transaction)
            changed = conversations.change(principal.account_id, conversation_id, **values)
            if changed is None:
                raise NotFound
            return changed

        self._tell(await self._database.write(work))

    def _stopped(self, conversation: Conversation, runs: list[Run]) -> None:
        for run in runs:
            self._worker.stop(Job.of(run))
        self._tell(conversation)

    def _tell(self, conversation: Conversation) -> None:
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())
        self._broadcast.publish(owner_topic(conversation.owner_id), TreeChanged())


def _found(transaction: Transaction, principal: Principal, conversation_id: str) -> Conversation:
    found = ConversationRepository(transaction).get(principal.account_id, conversation_id)
    if found is None:
        raise NotFound
    return found
