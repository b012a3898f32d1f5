"""Leaving the page for good: with another login the browser must load all of it anew.

The head's script and the socket's handshake look at the cookie, and both happen only when a page is loaded.
"""

import reflex as rx


class Door(rx.State):
    """`to`: where the browser goes now, "" for nowhere. `ticket`: what it fetches its new cookie with before;
    it counts once, for half a minute, and for nobody but this login."""

    ticket: str = ""
    to: str = ""

    def _close(self) -> None:
        """A page that was loaded has gone through it."""
        self.ticket = self.to = ""


async def leave(state: rx.State, to: str, *, ticket: str = "") -> None:
    """Send this tab to a page of ours, as somebody else when there is a ticket."""
    door = await state.get_state(Door)
    door.ticket, door.to = ticket, to
