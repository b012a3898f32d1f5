"""Keeping conversations in order: rename, pin, archive, clear, delete, each with a way back."""

from collections.abc import Awaitable
from typing import Final

import reflex as rx

from chatapp.domain.errors import ChatError, NotSignedIn
from chatapp.ui.access import principal, services
from chatapp.ui.arguments import identifier, words
from chatapp.ui.gate import Who, allow
from chatapp.ui.toasts import Undo, UndoKind, toast

#: `renaming` while the title is written in the header; else it is the id of an item of the list.
IN_HEADER: Final = "header"


class Manage(rx.State):
    """`renaming`: where a title is being written."""

    renaming: str = ""

    @rx.event
    @allow(Who.SIGNED_IN)
    async def begin_renaming(self, place: str) -> None:
        """A title becomes a field."""
        self.renaming = identifier(place)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def rename(self, conversation_id: str, title: str, was: str) -> None:
        """The field was left; nothing happens when it says what it said, or nothing."""
        self.renaming = ""
        if words(title).strip() in {"", words(was)}:
            return
        asker = await principal(self)
        await self._try(services().conversations.rename(asker, identifier(conversation_id), title))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def pin(self, conversation_id: str, pinned: bool) -> None:
        """To the top of the list, or back to its date."""
        asker = await principal(self)
        await self._try(services().conversations.pin(asker, identifier(conversation_id), pinned))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def archive(self, conversation_id: str, archived: bool) -> None:
        """Out of the list, or back into it."""
        asker = await principal(self)
        work = services().conversations.archive(asker, identifier(conversation_id), archived)
        if await self._try(work) and archived:
            undo = Undo(kind=UndoKind.UNARCHIVE, conversation_id=conversation_id)
            await toast(self, "Conversation archived", undo=undo)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def delete(self, conversation_id: str, reopen: bool) -> None:
        """Gone at once, and for good when nobody takes it back."""
        asker = await principal(self)
        if await self._try(services().conversations.delete(asker, identifier(conversation_id))):
            undo = Undo(kind=UndoKind.RESTORE, conversation_id=conversation_id, reopen=reopen)
            await toast(self, "Conversation deleted", undo=undo)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def clear(self, conversation_id: str) -> None:
        """All messages go; the conversation stays."""
        asker = await principal(self)
        try:
            token = await services().conversations.clear(asker, identifier(conversation_id))
        except NotSignedIn:
            raise
        except ChatError as error:
            await toast(self, error.message, kind="error")
            return
        undo = Undo(kind=UndoKind.UNCLEAR, conversation_id=conversation_id, token=token)
        await toast(self, "Conversation cleared", undo=undo)

    async def _try(self, work: Awaitable[None]) -> bool:
        """Whether it was done; a refusal is said in words."""
        try:
            await work
        except NotSignedIn:
            raise
        except ChatError as error:
            await toast(self, error.message, kind="error")
            return False
        return True
