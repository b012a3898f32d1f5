"""Being told what happens in a conversation."""

from collections.abc import Callable
from dataclasses import dataclass

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import NotFound
from chatapp.services.catching_up import CatchingUp, Watched
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database
from chatapp.streams.base import (
    Broadcast,
    Listener,
    Missed,
    Notice,
    Progress,
    Queued,
    Rated,
    TreeChanged,
    conversation_topic,
    owner_topic,
)

__all__ = ["Following", "Listener", "Missed", "Notice", "Progress", "Queued", "Rated", "TreeChanged", "Watch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """A listener at work; `close` ends it."""

    close: Callable[[], None]


class Following:
    """Listeners are called on the event loop and must be quick.

    To have no gap: watch first, then read the window, then fold in what was heard (`Snapshot.after` passes
    over what the window covers already).
    """

    def __init__(self, *, database: Database, broadcast: Broadcast) -> None:
        self._database: Database = database
        self._broadcast: Broadcast = broadcast
        self._catching_up: CatchingUp = CatchingUp(database)

    async def watch(self, principal: Principal, conversation_id: str, listener: Listener) -> Watch:
        """Tells of replies, turns and places in the queue; what was missed of them is looked up. Raises
        `NotFound`."""
        conversation = await self._database.read(
            lambda transaction: ConversationRepository(transaction).get(principal.account_id, conversation_id)
        )
        if conversation is None:
            raise NotFound
        watched = Watched(conversation.key, listener, self._catching_up)
        stop = self._broadcast.listen(conversation_topic(conversation.key), watched.hear)

        def close() -> None:
            watched.is_closed = True
            stop()

        return Watch(close=close)

    def watch_list(self, principal: Principal, listener: Listener) -> Watch:
        """Tells that the owner's list of conversations changed: order, titles, new ones, generating ones; and
        each second that it may have (`Missed`), while nobody can tell."""
        return Watch(close=self._broadcast.listen(owner_topic(principal.account_id), listener))
