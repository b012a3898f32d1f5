"""Short notes of what somebody did and cannot see, some with a way back.

Any handler adds one: `await toast(self, "Conversation deleted", undo=Undo(kind=UndoKind.RESTORE, ...))`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypedDict, assert_never

import reflex as rx

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, NotFound, NotSignedIn
from chatapp.domain.ids import new_id
from chatapp.ui.access import principal, services
from chatapp.ui.arguments import identifier
from chatapp.ui.gate import Who, allow
from chatapp.ui.side import Side

#: More at once than one reads; the oldest makes room.
MAX_SHOWN: Final = 3


class UndoKind(StrEnum):
    """What a toast's "Undo" brings back."""

    RESTORE = "a deleted conversation"
    UNARCHIVE = "an archived conversation"
    UNCLEAR = "the messages of a cleared conversation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Undo:
    """The way back from what a toast tells; `token` is for those services that hand one out.

    `reopen`: the conversation was on the screen, and is shown again.
    """

    kind: UndoKind
    conversation_id: str
    token: str = ""
    reopen: bool = False


class Toast(TypedDict):
    """A toast as it is drawn; `action` names its button, "" for none."""

    id: str
    kind: str
    text: str
    action: str


class Toasts(rx.State):
    """What is shown now, and the ways back, which never leave the server."""

    shown: tuple[Toast, ...] = ()
    _ways_back: dict[str, Undo] = {}  # noqa: RUF012  (Reflex copies it for each tab)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def close(self, toast_id: str) -> None:
        """It was read, or its time is over."""
        self._take(identifier(toast_id))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def undo(self, toast_id: str):
        """Its button was pressed."""
        way_back = self._take(identifier(toast_id))
        if way_back is None:
            return None
        try:
            asker = await principal(self)
            await _undo(asker, way_back)
        except NotSignedIn:
            raise
        except NotFound:
            self._add("It is too late to take this back: it is gone for good.", kind="error")
            return None
        except ChatError as error:
            self._add(error.message, kind="error")
            return None
        await (await self.get_state(Side))._answer(asker)
        return rx.redirect(f"/c/{way_back.conversation_id}") if way_back.reopen else None

    def _add(self, text: str, *, kind: str = "done", undo: Undo | None = None) -> None:
        added = Toast(id=new_id(), kind=kind, text=text, action="Undo" if undo else "")
        self.shown = (*self.shown, added)[-MAX_SHOWN:]
        kept = {one["id"] for one in self.shown}
        ways_back = self._ways_back | ({added["id"]: undo} if undo else {})
        self._ways_back = {key: way for key, way in ways_back.items() if key in kept}

    def _take(self, toast_id: str) -> Undo | None:
        self.shown = tuple(one for one in self.shown if one["id"] != toast_id)
        way_back = self._ways_back.get(toast_id)
        self._ways_back = {key: way for key, way in self._ways_back.items() if key != toast_id}
        return way_back


async def toast(state: rx.State, text: str, *, kind: str = "done", undo: Undo | None = None) -> None:
    """Tell whoever looks at this tab; `kind` is "done" or "error"."""
    (await state.get_state(Toasts))._add(text, kind=kind, undo=undo)


async def _undo(asker: Principal, way_back: Undo) -> None:
    conversations, conversation_id = services().conversations, way_back.conversation_id
    match way_back.kind:
        case UndoKind.RESTORE:
            await conversations.restore(asker, conversation_id)
        case UndoKind.UNARCHIVE:
            await conversations.change(asker, conversation_id, archived=False)
        case UndoKind.UNCLEAR:
            await conversations.unclear(asker, conversation_id, way_back.token)
        case _:
            assert_never(way_back.kind)
