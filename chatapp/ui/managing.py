"""Keeping conversations in order: rename, pin, archive, clear, delete, each with a way back."""

from collections.abc import Awaitable, Callable
from typing import Final

import reflex as rx

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, NotSignedIn
from chatapp.ui.access import principal, services
from chatapp.ui.arguments import identifier, words
from chatapp.ui.gate import Who, allow
from chatapp.ui.side import Side
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
        conversations = services().conversations
        await self._do(lambda asker: conversations.change(asker, identifier(conversation_id), title=title))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def pin(self, conversation_id: str, pinned: bool, seen: bool) -> None:
        """To the top of the list, or back to its date; `seen`: it was done in the list."""
        conversations = services().conversations
        done = await self._do(
            lambda asker: conversations.change(asker, identifier(conversation_id), pinned=pinned)
        )
        if done and not seen:
            await toast(self, "Pinned to the top of the list" if pinned else "Unpinned")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def archive(self, conversation_id: str, archived: bool) -> None:
        """Out of the list, or back into it."""
        conversations = services().conversations
        done = await self._do(
            lambda asker: conversations.change(asker, identifier(conversation_id), archived=archived)
        )
        if done and archived:
            undo = Undo(kind=UndoKind.UNARCHIVE, conversation_id=conversation_id)
            await toast(self, "Conversation archived", undo=undo)
        elif done:
            await toast(self, "Back in the list")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def delete(self, conversation_id: str, reopen: bool) -> None:
        """Gone at once, and for good when nobody takes it back."""
        conversations = services().conversations
        if await self._do(lambda asker: conversations.delete(asker, identifier(conversation_id))):
            undo = Undo(kind=UndoKind.RESTORE, conversation_id=conversation_id, reopen=reopen)
            await toast(self, "Conversation deleted", undo=undo)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def clear(self, conversation_id: str) -> None:
        """All messages go; the conversation stays."""
        conversations = services().conversations
        token = await self._do(lambda asker: conversations.clear(asker, identifier(conversation_id)))
        if token:
            undo = Undo(kind=UndoKind.UNCLEAR, conversation_id=conversation_id, token=str(token))
            await toast(self, "Conversation cleared", undo=undo)

    async def _do(self, work: Callable[[Principal], Awaitable[str | None]]) -> str | bool:
        """What came of it, or whether it was done; a refusal is said in words. The list follows at once."""
        asker = await principal(self)
        try:
            done = await work(asker) or True
        except NotSignedIn:
            raise
        except ChatError as error:
            await toast(self, error.message, kind="error")
            done = False
        await (await self.get_state(Side))._answer(asker)
        return done
