"""Who looks at what: brings what happens in conversations to the tabs that show them.

One registry for the process. Tabs of one conversation share one watch and one view of its reply, so a reply
is folded and encoded once, however many look at it. One emitter sends; it is started with the app and not
in an event, whose context it would keep. A tab that does not keep up, or has just come, is *behind*: it is
skipped until its socket has room, and then gets all of the text so far, once.
"""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from random import uniform
from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.services.accounts import Accounts
from chatapp.services.following import Following, Missed, Notice
from chatapp.services.models import ModelsService
from chatapp.ui.live import delta
from chatapp.ui.room import LIST_SECONDS, Room, Tab
from chatapp.ui.run_view import RunView, nobody
from chatapp.ui.wire import MAX_WAITING, Wire

logger = logging.getLogger(__name__)

#: How long a tab that is behind waits until its socket is looked at again.
RETRY_SECONDS: Final = 0.2
#: A login that was ended is cut off within 5 s: this, and the 5 s that Accounts may be out of date, less
#: its cache being told at once in this process.
LOGIN_CHECK_SECONDS: Final = 3.0
#: How often the progress of what is being made ready is looked at.
MODELS_SECONDS: Final = 1.0
#: A list that may have changed, since nobody can tell while Redis is away, is read again within this.
MAYBE_SECONDS: Final = 5.0
Key = tuple[str, str]


class Screens:
    """The registry, and the emitter."""

    def __init__(
        self, *, following: Following, accounts: Accounts, models: ModelsService, wire: Wire
    ) -> None:
        self._following = following
        self._accounts = accounts
        self._models = models
        self._wire = wire
        self._rooms: dict[Key, Room] = {}
        self._tabs: dict[str, Tab] = {}
        self._dirty: dict[RunView, Room] = {}
        self._behind: set[Tab] = set()
        self._wake = asyncio.Event()

    def enter(self, token: str, principal: Principal) -> Tab:
        """A tab has come; it hears of the owner's list at once. `leave` must follow."""
        tab = Tab(token=token, principal=principal)
        tab.list_watch = self._following.watch_list(principal, lambda notice: _tell_list(tab, notice))
        if (before := self._tabs.get(token)) is not None:
            self.leave(before)
        self._tabs[token] = tab
        return tab

    async def join(self, tab: Tab, conversation_id: str) -> Room:
        """The tab hears of this conversation from now on. Raises `NotFound`."""
        key = (tab.principal.account_id, conversation_id)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(self._mark)
        room.tabs.add(tab)
        tab.room = room
        try:
            async with room.opening:
                if room.watch is None:
                    room.watch = await self._following.watch(tab.principal, conversation_id, room.hear)
        except BaseException:
            self.part(tab)
            raise
        return room

    def show(self, tab: Tab, message_id: str) -> None:
        """The tab's live reply is this one from now on; empty for none."""
        if tab.live == message_id:
            return
        tab.live, tab.behind = message_id, True
        if tab.room is not None:
            tab.room.forget()
        self._behind.add(tab)
        self._wake.set()

    @contextmanager
    def reading(self, token: str) -> Generator[Tab | None]:
        """For a handler that reads the conversation itself: the tab's follower is woken after it, and only
        for what it did not read. None when the tab has no follower."""
        tab = self._tabs.get(token)
        if tab is None:
            yield None
            return
        with tab.held():
            yield tab

    def leave(self, tab: Tab) -> None:
        """The tab is gone."""
        self.part(tab)
        if tab.list_watch is not None:
            tab.list_watch.close()
            tab.list_watch = None
        self._behind.discard(tab)
        if self._tabs.get(tab.token) is tab:
            del self._tabs[tab.token]

    def part(self, tab: Tab) -> None:
        """The tab hears of no conversation any more, until it joins one again."""
        room, tab.room = tab.room, None
        if room is None:
            return
        room.tabs.discard(tab)
        if not room.tabs:
            if room.watch is not None:
                room.watch.close()
                room.watch = None
            self._rooms = {key: one for key, one in self._rooms.items() if one is not room}
            self._dirty = {view: one for view, one in self._dirty.items() if one is not room}

    def _mark(self, room: Room, view: RunView) -> None:
        self._dirty[view] = room
        self._wake.set()

    async def run(self) -> None:
        """The emitter: ends when it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._check_logins())
            tasks.create_task(self._watch_models())
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), RETRY_SECONDS if self._behind else None)
                self._wake.clear()
                await self.flush()

    async def flush(self) -> None:
        """Send what is new to those who can take it."""
        dirty, self._dirty = self._dirty, {}
        for view, room in dirty.items():
            await self._flush_view(view, room)
        for tab in list(self._behind):
            await self._catch_up(tab)

    async def _flush_view(self, view: RunView, room: Room) -> None:
        changes = view.take_changes()
        shown = [tab for tab in room.tabs if tab.live == view.message_id]
        self._behind.update(tab for tab in shown if tab.behind)
        tabs = [tab for tab in shown if not tab.behind]
        if not changes or not tabs:
            return
        frame = self._wire.encode(delta(changes))
        for tab in tabs:
            waiting = self._wire.waiting(tab.token)
            if waiting is None or waiting > MAX_WAITING:
                tab.behind = True
                self._behind.add(tab)
            else:
                await self._wire.send(tab.token, frame)

    async def _catch_up(self, tab: Tab) -> None:
        waiting = self._wire.waiting(tab.token)
        if waiting:
            return
        if waiting is None:
            self._behind.discard(tab)  # its follower is about to be cancelled; the next news looks again
            return
        view = tab.room.views.get(tab.live) if tab.room is not None else None
        if tab.live and view is None:
            return  # its snapshot is on the way
        self._behind.discard(tab)
        tab.behind = False
        frame = self._wire.encode(delta(view.everything() if view else nobody()))
        await self._wire.send(tab.token, frame)

    async def _check_logins(self) -> None:
        while True:
            await asyncio.sleep(LOGIN_CHECK_SECONDS)
            tabs = list(self._tabs.values())
            principals = {tab.principal.login_id: tab.principal for tab in tabs}
            try:
                ended = await self._accounts.ended(list(principals.values()))
            except Exception:
                logger.exception("the logins of open tabs could not be checked")
                continue
            for tab in tabs:
                if tab.principal.login_id in ended:
                    tab.sign_out()

    async def _watch_models(self) -> None:
        """Weights being fetched, a server that answers at last: every tab reads the models again."""
        before = self._models.readiness()
        while True:
            await asyncio.sleep(MODELS_SECONDS)
            now = self._models.readiness()
            if now != before:
                before = now
                for tab in self._tabs.values():
                    tab.tell_list()


def _tell_list(tab: Tab, notice: Notice) -> None:
    # Where it only may have changed, not for all tabs at once.
    tab.tell_list(within=uniform(0, MAYBE_SECONDS) if isinstance(notice, Missed) else LIST_SECONDS)  # noqa: S311
