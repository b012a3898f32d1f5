"""Reading conversations, and keeping them in order."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation, Listed, Listing
from chatapp.domain.errors import Conflict, Invalid, NotFound
from chatapp.domain.ids import check_key
from chatapp.domain.runs import Run
from chatapp.domain.texts import MAX_TITLE_CHARS, UNTITLED, clean
from chatapp.engine.dispatch import Dispatch
from chatapp.providers.catalog import Catalog
from chatapp.services.queueing import conversation_for
from chatapp.services.windows import Versions, Window, joined, window_after, window_around, window_at_end
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.deleted import DeletedRepository, Expired
from chatapp.storage.paging import PageRepository, Place
from chatapp.storage.runs import RunRepository
from chatapp.storage.trees import TreeRepository
from chatapp.streams.base import Broadcast, Job, TreeChanged, conversation_topic, owner_topic

__all__ = ["UNDO_WINDOW", "Conversations", "Listed", "Listing", "Place", "Versions", "Window"]

#: What was deleted can be had back for so long; then it is purged.
UNDO_WINDOW: Final = timedelta(minutes=5)
#: So many messages are purged in one transaction: it takes some 20 ms, most of it in the search index, and
#: sends and replies wait behind it. A conversation of 10,000 in one piece stopped them all for 2 s.
PURGE_BATCH: Final = 100
#: A long history is read so many messages at a time, some milliseconds each.
HISTORY_PIECE: Final = 100
#: Characters of text after which no further piece is read: the whole is held in memory at once.
HISTORY_CHARS: Final = 4_000_000


class Conversations:
    """What somebody may see of their conversations, and how they keep them.

    All calls raise `NotFound` for what is not there or not theirs.
    """

    def __init__(
        self, *, database: Database, dispatch: Dispatch, broadcast: Broadcast, catalog: Catalog
    ) -> None:
        self._database: Database = database
        self._dispatch: Dispatch = dispatch
        self._broadcast: Broadcast = broadcast
        self._catalog: Catalog = catalog

    async def create(
        self, principal: Principal, *, conversation_id: str | None = None, title: str = "", model: str = ""
    ) -> tuple[Conversation, bool]:
        """An empty conversation, and whether it is new: one of the owner's that has this id stays as it is.

        Without a title it gets that of its first message. Raises `Invalid`, `NoModel`.
        """
        if conversation_id is not None:
            check_key(conversation_id)
        title = _one_line(title) or UNTITLED
        chosen = await self._catalog.chosen(model) if model else ""

        def work(transaction: Transaction) -> tuple[Conversation, bool]:
            at = datetime.now(UTC)
            AccountRepository(transaction).ensure(principal, at=at)
            conversations = ConversationRepository(transaction)
            if conversation_id and (found := conversations.get(principal.account_id, conversation_id)):
                return found, False
            made = conversation_for(transaction, principal, conversation_id, title, at)
            changed = conversations.change(principal.account_id, made.id, title=title, model=chosen)
            return changed or made, True

        conversation, is_new = await self._database.write(work, of=principal.account_id)
        if is_new:
            self._tell(conversation)
        return conversation, is_new

    async def get(self, principal: Principal, conversation_id: str) -> Listed:
        """What is known of it beside its messages."""

        def work(transaction: Transaction) -> Listed:
            conversation = _found(transaction, principal, conversation_id)
            generating = RunRepository(transaction).is_generating(conversation.key)
            return Listed(conversation=conversation, generating=generating)

        return await self._database.read(work)

    async def page(
        self, principal: Principal, *, after: Place | None = None, archived: bool = False, limit: int = 50
    ) -> Listing:
        """The owner's conversations, the newest first, from a place on. Whatever happens between two pages,
        each is on one of them."""
        found = await self._database.read(
            lambda transaction: PageRepository(transaction).after(
                principal.account_id, after, archived=archived, limit=limit + 1
            )
        )
        return Listing(items=tuple(found[:limit]), has_more=len(found) > limit)

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

    async def history(
        self, principal: Principal, conversation_id: str, *, limit: int, before: str | None = None
    ) -> Window:
        """As `window`, for long ones: it is read in pieces, and others' questions come in between. What has
        more than `HISTORY_CHARS` of text ends early, and says so by `has_earlier`."""
        found = await self.window(principal, conversation_id, limit=min(limit, HISTORY_PIECE), before=before)
        while found.has_earlier and (left := limit - len(found.snapshots)) > 0:
            if sum(len(one.message.text) for one in found.snapshots) > HISTORY_CHARS:
                break
            first = found.snapshots[0].message.id
            piece = min(left, HISTORY_PIECE)
            found = joined(await self.window(principal, conversation_id, limit=piece, before=first), found)
        return found

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

    async def change(
        self,
        principal: Principal,
        conversation_id: str,
        *,
        title: str | None = None,
        pinned: bool | None = None,
        archived: bool | None = None,
    ) -> None:
        """Changes what is not None, all of it or nothing.

        A title is of one line and not too long; `Invalid` for an empty one. Pinned ones are at the top of the
        list, archived ones are not in it, until the next message is sent to them.
        """
        values: dict[str, str | bool] = {}
        if title is not None:
            values["title"] = _one_line(title)
            if not values["title"]:
                raise Invalid("The title is empty.", advice="Please write one.")
        flags = {"pinned": pinned, "archived": archived}
        values |= {name: flag for name, flag in flags.items() if flag is not None}
        if not values:
            await self.get(principal, conversation_id)
            return

        def work(transaction: Transaction) -> Conversation:
            changed = ConversationRepository(transaction).change(
                principal.account_id, conversation_id, **values
            )
            if changed is None:
                raise NotFound
            return changed

        self._tell(await self._database.write(work, of=principal.account_id))

    async def delete(self, principal: Principal, conversation_id: str) -> None:
        """Stops its replies and takes it out of sight at once; it is purged after `UNDO_WINDOW`."""

        def work(transaction: Transaction) -> tuple[Conversation, list[Run]]:
            conversation = _found(transaction, principal, conversation_id)
            DeletedRepository(transaction).delete(conversation.key, at=datetime.now(UTC))
            return conversation, RunRepository(transaction).cancel_all(conversation.key)

        self._stopped(*await self._database.write(work, of=principal.account_id))

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

        self._tell(await self._database.write(work, of=principal.account_id))

    async def clear(self, principal: Principal, conversation_id: str) -> str:
        """Stops its replies and takes all messages out of sight; id and title stay.

        Returns a token for `unclear`, good for `UNDO_WINDOW`.
        """

        def work(transaction: Transaction) -> tuple[Conversation, list[Run], str]:
            conversation = _found(transaction, principal, conversation_id)
            stopping = RunRepository(transaction).cancel_all(conversation.key)
            token = DeletedRepository(transaction).put_aside(conversation, at=datetime.now(UTC))
            return conversation, stopping, token

        conversation, stopping, token = await self._database.write(work, of=principal.account_id)
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

        self._tell(await self._database.write(work, of=principal.account_id))

    async def purge(self, *, now: datetime | None = None) -> int:
        """Removes for good what was deleted longer than `UNDO_WINDOW` ago; returns how many."""
        before = (now or datetime.now(UTC)) - UNDO_WINDOW
        purged = 0
        expired = partial(_expired, before=before)
        while (one := await self._database.read(expired)) is not None:
            purge = partial(_purge, key=one.key, before=before)
            while (gone := await self._database.write(purge, of=one.owner_id)) is not None:
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

        conversation = await self._database.write(work, of=principal.account_id)
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())

    def _stopped(self, conversation: Conversation, runs: list[Run]) -> None:
        for run in runs:
            self._dispatch.stop(Job.of(run))
        self._tell(conversation)

    def _tell(self, conversation: Conversation) -> None:
        self._broadcast.publish(conversation_topic(conversation.key), TreeChanged())
        self._broadcast.publish(owner_topic(conversation.owner_id), TreeChanged())


def _one_line(title: str) -> str:
    """A title as it is kept."""
    return " ".join(clean(title).split())[: 2 * MAX_TITLE_CHARS].rstrip()


def _found(transaction: Transaction, principal: Principal, conversation_id: str) -> Conversation:
    found = ConversationRepository(transaction).get(principal.account_id, conversation_id)
    if found is None:
        raise NotFound
    return found


def _expired(transaction: Transaction, *, before: datetime) -> Expired | None:
    return DeletedRepository(transaction).expired(before=before)


def _purge(transaction: Transaction, *, key: int, before: datetime) -> int | None:
    return DeletedRepository(transaction).purge(key, before=before, most=PURGE_BATCH)
