"""The conversation on the screen.

What is stored here is a cache of the screen. The truth is in the services, and a page that comes back is
filled from there.
"""

import logging
from collections.abc import AsyncGenerator
from typing import Final, TypedDict

import reflex as rx

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, Invalid, NotFound, NotSignedIn
from chatapp.domain.feedback import Rating
from chatapp.domain.ids import new_id
from chatapp.ui.access import principal, services
from chatapp.ui.arguments import identifier, position, words
from chatapp.ui.connected import tab_of
from chatapp.ui.gate import Who, allow
from chatapp.ui.opened import Opened
from chatapp.ui.room import Tab
from chatapp.ui.serving import screens
from chatapp.ui.side import Side

logger = logging.getLogger(__name__)

#: The keys of accepted messages that the composer is told of. It has a handful at most that are on their way.
MAX_ACKED: Final = 4


class Refusal(TypedDict):
    """A message that was not accepted: its text goes back to the composer."""

    key: str
    message: str


class Chat(Opened, rx.State):
    """What a person does in a conversation, and what keeps the tab up to date."""

    acked: tuple[str, ...] = ()
    refused: Refusal = Refusal(key="", message="")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def send(self, key: str, conversation_id: str, text: str, model: str) -> AsyncGenerator[None]:
        """From the composer, which repeats it until `key` is in `acked` or `refused`."""
        with screens().reading(tab_of(self)) as tab:
            try:
                asker = await principal(self)
                turn = await services().turns.send(
                    asker,
                    conversation_id=identifier(conversation_id),
                    text=words(text),
                    client_key=identifier(key),
                    model=words(model),
                )
                await self._accepted(asker, key, turn.conversation_id, tab)
            except ChatError as error:
                self.refused = Refusal(key=str(key)[:64], message=error.message)
        yield  # first the rows, see `follow`
        if tab is not None:
            screens().show(tab, self._live)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def stop(self, message_id: str) -> None:
        """End the making of a reply; its text so far stays."""
        await self._try(services().turns.stop(await principal(self), message_id=identifier(message_id)))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def regenerate(self, message_id: str) -> None:
        """Another reply to the same message."""
        asker, message_id = await principal(self), identifier(message_id)
        again = services().turns.regenerate(
            asker, message_id=message_id, client_key=new_id(), model=self.model
        )
        await self._try(again)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def go_on(self, message_id: str) -> None:
        """Go on from where a reply ended."""
        asker, message_id = await principal(self), identifier(message_id)
        await self._try(services().turns.continue_reply(asker, message_id=message_id, client_key=new_id()))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def edit(self, message_id: str, text: str, key: str) -> None:
        """Say it in other words: another version of a person's message, and a reply to it."""
        work = services().turns.edit(
            await principal(self),
            message_id=identifier(message_id),
            text=words(text),
            client_key=identifier(key),
            model=self.model,
        )
        await self._try(work)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def rate(self, message_id: str, value: str) -> None:
        """What one thinks of a reply, "" for nothing any more; every tab is told, this one too."""
        asker, message_id, value = await principal(self), identifier(message_id), words(value)
        if value not in {"", *Rating}:
            raise Invalid
        given = Rating(value) if value else None
        await self._try(services().feedback.give(asker, message_id=message_id, value=given))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def show_version(self, message_id: str) -> None:
        """Another version of a message, with what followed it."""
        await self._try(services().conversations.show_version(await principal(self), identifier(message_id)))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def change_queued(self, message_id: str, text: str) -> None:
        """Other words for a message that waits."""
        asker, message_id = await principal(self), identifier(message_id)
        await self._try(services().turns.change_queued(asker, message_id=message_id, text=words(text)))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def move_queued(self, message_id: str, place: int) -> None:
        """Another place for a message that waits; 0 is next."""
        asker, message_id, place = await principal(self), identifier(message_id), position(place)
        await self._try(services().turns.move_queued(asker, message_id=message_id, place=place))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def remove_queued(self, message_id: str) -> None:
        """Take back a message that waits; its text can be had again."""
        asker, message_id = await principal(self), identifier(message_id)
        try:
            self.removed = await services().turns.remove_queued(asker, message_id=message_id)
        except ChatError as error:
            self.notice = error.message

    @rx.event
    @allow(Who.SIGNED_IN)
    async def forget_removed(self) -> None:
        """It was put back, or is not wanted."""
        self.removed = ""

    @rx.event
    @allow(Who.SIGNED_IN)
    async def choose_model(self, model: str) -> None:
        """Which model answers the next message."""
        side = await self.get_state(Side)
        if any(choice["id"] == model for choice in side.models):
            self.model = model

    @rx.event
    @allow(Who.SIGNED_IN)
    async def dismiss(self) -> None:
        """The notice was read."""
        self.notice = ""

    @rx.event(background=True)
    @allow(Who.SERVER)
    async def follow(self) -> None:
        """Keeps the tab up to date for as long as it shows this page; Reflex cancels it when it does not."""
        async with self:
            try:
                asker = await principal(self)
            except NotSignedIn:
                (await self.get_state(Side)).signed_out = True
                return
            tab = screens().enter(tab_of(self), asker)
        try:
            while not tab.signed_out:
                async with self:
                    live = await _unwrapped(self)._update(tab)
                # After the rows: a row that is not live any more must have its text before `Now` leaves it.
                screens().show(tab, live)
                await tab.news.wait()
            async with self:
                (await self.get_state(Side)).signed_out = True
        finally:
            screens().leave(tab)

    async def _update(self, tab: Tab) -> str:
        """Read what changed since the tab was last told; returns the live reply."""
        news = tab.take_news()
        try:
            if news.first:
                await self._arrive(tab.principal)
            if news.rated:
                self._note_ratings(news.rated)
            if self.cid and (news.tree or tab.room is None or self._is_news(news.ended, tab)):
                await self._follow_branch(tab)
            if news.listing:
                await (await self.get_state(Side))._read(tab.principal)
        except ChatError as error:
            # The database is busy, or its disk is full: what is shown stays, and is read again.
            logger.warning("a tab could not be brought up to date: %s", error.code)
            tab.retry(news)
        return self._live

    def _is_news(self, ended: str, tab: Tab) -> bool:
        """Whether the end of this reply changes anything here that was not shown live: a turn that waited."""
        is_shown = ended == self._live and tab.has_shown(ended) and not self.queue and not self.later
        return bool(ended) and not is_shown

    async def _follow_branch(self, tab: Tab) -> None:
        try:
            await self._show_now(tab.principal, self.cid, tab)
        except NotFound:
            if tab.room is not None:
                # Deleted. Should it come back, it is joined anew: maybe as another one under the same id.
                screens().part(tab)
                await self._open(tab.principal, self.cid)

    async def _show_now(
        self, asker: Principal, conversation_id: str, tab: Tab | None, *, at_end: bool = False
    ) -> None:
        """Show a conversation as it is now. Watch first, read then: so nothing falls between."""
        if tab is not None and tab.room is None:
            await screens().join(tab, conversation_id)
        if self.missing or self.cid != conversation_id:
            live = await self._open(asker, conversation_id)
        else:
            live = await self._sync(asker, at_end=at_end)
        if live is not None and tab is not None and tab.room is not None:
            tab.room.adopt(live)

    async def _accepted(self, asker: Principal, key: str, conversation_id: str, tab: Tab | None) -> None:
        """One delta brings the turn and its acknowledgement: what was pending becomes what is stored."""
        self.removed = ""
        self.acked = (*self.acked[1 - MAX_ACKED :], key)
        if self.cid not in {"", conversation_id}:
            return
        if tab is not None:
            tab.skip_tree()
            tab.skip_list()
        try:
            await self._show_now(asker, conversation_id, tab, at_end=True)
            await (await self.get_state(Side))._read(asker)
        except ChatError as error:
            # It is stored all the same; the follower shows it.
            logger.warning("a turn could not be shown at once: %s", error.code)
            if tab is not None:
                tab.tell_tree()
                tab.tell_list()

    async def _try(self, work) -> None:
        """What a button asked for; a refusal is said in words."""
        try:
            await work
            self.notice = ""
        except NotSignedIn:
            raise
        except ChatError as error:
            self.notice = error.message


def _unwrapped(chat: Chat) -> Chat:
    """The state itself, behind the proxy that a background task is given: it is ours while we hold its lock.
    Through the proxy each var that is read or put costs several times as much."""
    return getattr(chat, "__wrapped__", chat)
