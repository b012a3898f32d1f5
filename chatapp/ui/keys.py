"""One's API keys on the page of settings."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

import reflex as rx
from reflex_base.event.context import EventContext

from chatapp.domain.accounts import ApiKey, Principal
from chatapp.domain.errors import ChatError, Invalid, NotSignedIn
from chatapp.ui.access import principal, services, visit
from chatapp.ui.arguments import identifier, words
from chatapp.ui.gate import Who, allow
from chatapp.ui.side import Side
from chatapp.ui.toasts import toast

#: How long a new key may be good, as the form says it.
LASTS: Final[Mapping[str, timedelta | None]] = {
    "": None,
    "30": timedelta(days=30),
    "90": timedelta(days=90),
    "365": timedelta(days=365),
}


class KeyRow(TypedDict):
    """A key as it is drawn; times in ISO 8601, "" is never."""

    id: str
    name: str
    used_at: str
    ends_at: str


class Keys(rx.State):
    """`made` is a new key: the tab is told of it once, and what the server keeps never has it."""

    keys: tuple[KeyRow, ...] = ()
    made: str = ""
    problem: str = ""
    tries: int = 0

    @rx.event
    @allow(Who.SIGNED_IN)
    async def make(self, name: str, lasts: str) -> None:
        """A new key; `lasts` is one of `LASTS`."""
        if lasts not in LASTS:
            raise Invalid
        asker, good_for = await principal(self), LASTS[lasts]
        ends = datetime.now(UTC) + good_for if good_for else None
        address, self.problem, secret = visit(self).address, "", ""
        try:
            _, secret = await services().api_keys.create(asker, words(name), expires_at=ends, address=address)
        except NotSignedIn:
            raise
        except ChatError as error:
            self.problem, self.tries = error.message, self.tries + 1
        await self._read(asker)
        await _tell(secret)
        (await self.get_state(Side)).answered += 1

    @rx.event
    @allow(Who.SIGNED_IN)
    async def forget(self) -> None:
        """It was written down."""
        await _tell("")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def revoke(self, key_id: str) -> None:
        """It opens nothing any more."""
        asker = await principal(self)
        try:
            await services().api_keys.revoke(asker, identifier(key_id), address=visit(self).address)
            await toast(self, "The key is revoked")
        except NotSignedIn:
            raise
        except ChatError as error:
            await toast(self, error.message, kind="error")
        await self._read(asker)
        (await self.get_state(Side)).answered += 1

    async def _arrive(self, asker: Principal) -> None:
        """The page was opened."""
        self.problem = ""
        await self._read(asker)
        await _tell("")

    async def _read(self, asker: Principal) -> None:
        self.keys = tuple(map(_row, await services().api_keys.listed(asker)))


async def _tell(secret: str) -> None:
    """Straight to the tab: the state, which may be stored elsewhere, never has it."""
    name = f"made{rx.constants.state.FIELD_MARKER}"
    await EventContext.get().emit_delta({Keys.get_full_name(): {name: secret}})


def _row(key: ApiKey) -> KeyRow:
    return KeyRow(id=key.id, name=key.name, used_at=_iso(key.last_used_at), ends_at=_iso(key.expires_at))


def _iso(at: datetime | None) -> str:
    return at.isoformat(timespec="minutes") if at else ""
