"""What a page that loads or comes back is given in its first answer: the conversation, with the text so far.

Reflex would send what its state held, or nothing after a restart, and fill the page by events later. Done
here it is in the hydration itself: no empty flash, and one read of the truth.
"""

import logging
from typing import Final

import reflex as rx
from reflex.middleware import Middleware
from reflex.state import BaseState, State, StateUpdate
from reflex_base.event import Event
from typing_extensions import override

from chatapp.domain.errors import NotSignedIn
from chatapp.ui.access import principal
from chatapp.ui.admin import ADMIN_ROUTE, Admin
from chatapp.ui.chat import Chat
from chatapp.ui.door import Door
from chatapp.ui.opened import CHAT_ROUTE, known, place_in
from chatapp.ui.side import Side

logger = logging.getLogger(__name__)

_HYDRATION: Final = f"{State.get_full_name()}.hydrate_and_load"

#: As the browser sends them along.
_UTC_OFFSET: Final = f"{Side.get_full_name()}.utc_offset{rx.constants.state.FIELD_MARKER}"
_PLACE: Final = f"{Chat.get_full_name()}.place{rx.constants.state.FIELD_MARKER}"


class Hydration(Middleware):
    """Fills the states before Reflex takes the snapshot that it sends."""

    @override
    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Never refuses: a page that cannot be filled is filled by its follower, or says why not."""
        if event.name == _HYDRATION:
            try:
                await self._fill(app, state, event)
            except Exception:
                logger.exception("a page could not be filled at its hydration")
        return None

    async def _fill(self, app: rx.App, state: BaseState, event: Event) -> None:
        (await state.get_state(Door))._close()
        admin, side = await state.get_state(Admin), await state.get_state(Side)
        # What an admin saw stays in no page that somebody else may hydrate next.
        admin._forget()
        try:
            asker = await principal(state)
        except NotSignedIn:
            side.signed_out = True
            return
        kept = event.payload.get("vars") or {}
        await side._begin(asker, kept.get(_UTC_OFFSET))
        route = f"/{app.router(state.router.url.path)}"
        if route == ADMIN_ROUTE:
            await admin._fill(asker)
        if route != CHAT_ROUTE:
            return
        chat = await state.get_state(Chat)
        await side._read(asker)
        await chat._open(asker, *place_in(state.router.url), place=known(kept.get(_PLACE)))
        chat._hydrated = True
