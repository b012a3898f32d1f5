"""Which conversation a tab shows, and which part of it: the end, or what is around a message."""

from typing import Final, TypedDict
from urllib.parse import urlsplit

import reflex as rx
from reflex.istate.data import ReflexURL

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, Invalid, NotFound
from chatapp.domain.fold import Snapshot
from chatapp.domain.ids import new_id
from chatapp.services.conversations import Window
from chatapp.ui.access import principal, services
from chatapp.ui.arguments import identifier
from chatapp.ui.connected import url_of
from chatapp.ui.gate import Who, allow
from chatapp.ui.history import PAGE, WINDOW
from chatapp.ui.shown import Shown

#: Of the chat page: `/` and `/c/{conversation_id}`.
CHAT_ROUTE: Final = "/[[section]]/[[conversation_id]]"
#: Two turns are looked for at each change of the branch; when there are more, more is read.
MAX_FRESH: Final = 4
#: How far back it is looked for where another branch left the one that is shown.
DEEP: Final = 5 * WINDOW


class Sought(TypedDict):
    """A message that the reader is taken to, "" for none; each `visit` to it is another one."""

    id: str
    visit: str


class Opened(Shown, mixin=True):
    """`cid` is the conversation that is shown, "" for a new one; `removed` was taken out of its queue.

    `place` is the browser's: the first message in view, "" at the end. It lives as long as the page.
    """

    cid: str = ""
    missing: bool = False
    model: str = ""
    notice: str = ""
    removed: str = ""
    sought: Sought = Sought(id="", visit="")
    place: str = rx.SessionStorage("", name="place")
    _filled: bool = False
    _hydrated: bool = False

    @rx.event
    @allow(Who.SIGNED_IN)
    async def show_earlier(self, first: str) -> None:
        """The messages before the first one shown; asked for again while they are on their way, once."""
        if not first or identifier(first) != self._first():
            return
        asker = await principal(self)
        work = services().conversations.window(asker, self.cid, limit=PAGE, before=first)
        try:
            self._add_earlier(await work)
        except ChatError as error:
            self.notice = error.message

    @rx.event
    @allow(Who.SIGNED_IN)
    async def show_later(self, last: str) -> None:
        """The messages after the last one shown, where that is not the end yet."""
        if not self.later or identifier(last) != self._last():
            return
        asker = await principal(self)
        work = services().conversations.window(asker, self.cid, limit=PAGE, after=last)
        try:
            if (window := await work).has_later:
                self._add_later(window)
            else:
                await self._sync_end(asker)
        except ChatError as error:
            self.notice = error.message

    @rx.event
    @allow(Who.SIGNED_IN)
    async def show_end(self) -> None:
        """The newest messages, where others are shown."""
        try:
            await self._show_end(await principal(self))
        except ChatError as error:
            self.notice = error.message

    async def _arrive(self, asker: Principal) -> None:
        """The page was filled when it was hydrated; going from one to another in the browser was not.

        Nor was it when that failed, as while the database is busy: then it is as it would have been.
        """
        asked, message_id = place_in(url_of(self))
        hydrated, self._hydrated = self._hydrated, False
        if not self._filled or asked != self.cid or (message_id and not hydrated):
            place = "" if self._filled else known(self.place)
            await self._open(asker, asked, message_id, place=place)

    async def _open(
        self, asker: Principal, conversation_id: str, message_id: str = "", *, place: str = ""
    ) -> Snapshot | None:
        """Fill the page with a conversation, or with none; with this message of it in view, if it has it.

        `place` was in view until the page was interrupted, and what is around it stays.
        Returns the live reply.
        """
        is_here = message_id and conversation_id == self.cid and self._shows(message_id)
        if conversation_id != self.cid:
            self.removed = self.notice = ""
        self.cid, self._filled = conversation_id, True
        if is_here:
            self.sought = Sought(id=message_id, visit=new_id()[:8])
            return None
        around = await self._around(asker, message_id) if message_id else None
        held = await self._around(asker, place, shown_only=True) if place and not around else None
        try:
            window = around or held or (await self._window(asker, WINDOW) if conversation_id else None)
        except NotFound:
            window = None
        self.missing = bool(conversation_id) and window is None
        self._fill(window)
        self._seek(message_id if around else "")
        await self._choose(asker, window)
        if not self.later:
            return self._live_in(window)
        end = await self._window(asker, WINDOW)
        self._note_end(end)
        return self._live_in(end)

    def _seek(self, message_id: str) -> None:
        if message_id or self.sought["id"]:
            self.sought = Sought(id=message_id, visit=new_id()[:8] if message_id else "")

    async def _around(self, asker: Principal, message_id: str, *, shown_only: bool = False) -> Window | None:
        """None for a message that is not there, or not theirs."""
        around = services().conversations.around
        try:
            return await around(asker, self.cid, message_id, limit=WINDOW, shown_only=shown_only)
        except NotFound:
            return None

    async def _window(self, asker: Principal, limit: int, *, after: str | None = None) -> Window:
        return await services().conversations.window(asker, self.cid, limit=limit, after=after)

    async def _choose(self, asker: Principal, window: Window | None) -> None:
        """The model that this conversation used last, or the newest one; else the default."""
        offered = [model.id for model in await services().models.offered()]
        conversations = services().conversations
        used = window.conversation.model if window else await conversations.last_model(asker)
        self.model = used if used in offered else (offered or [""])[0]

    async def _sync(self, asker: Principal, *, at_end: bool = False) -> Snapshot | None:
        """Show the branch as it is now, or its end; returns the live reply. Raises `NotFound`."""
        if self.later and at_end:
            window = await self._show_end(asker)
        elif self.later and await self._is_before_end(asker):
            window = await self._window(asker, WINDOW)
            self._note_end(window)
        else:
            window = await self._sync_end(asker)
        return self._live_in(window)

    def _live_in(self, window: Window | None) -> Snapshot | None:
        snapshots = window.snapshots if window else ()
        return next((one for one in snapshots if one.message.id == self._live), None)

    async def _is_before_end(self, asker: Principal) -> bool:
        """Whether what is shown is still a part of the branch, and not its end."""
        try:
            return bool((await self._window(asker, 1, after=self._last())).snapshots)
        except NotFound:
            return False

    async def _sync_end(self, asker: Principal) -> Window:
        few = len(self.tail) + 2 * len(self.queue) + MAX_FRESH
        for limit in (few, WINDOW, DEEP) if self._last() else ():
            window = await self._window(asker, limit)
            if self._follow(window):
                return window
        return await self._show_end(asker)

    async def _show_end(self, asker: Principal) -> Window:
        window = await self._window(asker, WINDOW)
        self._fill(window)
        return window


def place_in(url: ReflexURL) -> tuple[str, str]:
    """The ids in `/c/{conversation_id}?m={message_id}`; "" for what it does not name."""
    section, _, rest = urlsplit(url.path).path.strip("/").partition("/")
    conversation_id = rest.partition("/")[0] if section == "c" else ""
    return conversation_id, known(url.query_parameters.get("m"))


def known(value: object) -> str:
    """An id that a browser remembers, "" for what is none."""
    try:
        return identifier(value)
    except Invalid:
        return ""
