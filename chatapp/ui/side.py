"""What stands around the conversation: the list of others, the models, and what the composer must know."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final, TypedDict

import reflex as rx

from chatapp.domain.accounts import Account, AccountKind, Principal, Role
from chatapp.domain.errors import NotFound
from chatapp.domain.ids import new_id
from chatapp.ui.access import principal, services
from chatapp.ui.build_id import build_id
from chatapp.ui.connected import url_of
from chatapp.ui.gate import Who, allow
from chatapp.ui.listing import NONE_UNLISTED, Item, Unlisted, dated, plain
from chatapp.ui.opened import place_in
from chatapp.ui.putting import put
from chatapp.ui.rows import Choice, Step, choice, steps

#: The conversation in use moves to the top and gets a title: only so many items are sent again for that.
TOP: Final = 3
#: As many conversations are listed at first, and more with each "Show more", up to a limit.
PAGE: Final = 50
MOST: Final = 1000


class Person(TypedDict):
    """Who looks at the page; `kind` is "" while nobody is known. `may_join`: a guest can make an account."""

    kind: str
    name: str
    email: str
    admin: bool
    may_join: bool


NOBODY: Final = Person(kind="", name="", email="", admin=False, may_join=False)


class Side(rx.State):
    """`build`: which page the server would send now. `answered` counts what was asked for here and is done.

    `epoch` is new at each hydration: the composer then sends again what was not acknowledged.
    `utc_offset`, in minutes, is the browser's: days begin where the reader is.
    """

    pinned: tuple[Item, ...] = ()
    top: tuple[Item, ...] = ()
    rest: tuple[Item, ...] = ()
    more: bool = False
    archived: tuple[Item, ...] = ()
    in_archive: bool = False
    unlisted: Unlisted = NONE_UNLISTED
    models: tuple[Choice, ...] = ()
    steps: tuple[Step, ...] = ()
    epoch: str = ""
    me: str = ""
    person: Person = NOBODY
    max_chars: int = 0
    signed_out: bool = False
    answered: int = 0
    build: str = ""
    utc_offset: str = rx.LocalStorage("0", name="utc_offset")
    _offset: int = 0
    _limit: int = PAGE

    @rx.event
    @allow(Who.SIGNED_IN)
    async def show_more(self) -> None:
        """Those that were used before the ones in the list."""
        self._limit = min(self._limit + PAGE, MOST)
        await self._answer(await principal(self))

    @rx.event
    @allow(Who.SIGNED_IN)
    async def show_archive(self, shown: bool) -> None:
        """Between the list and the archive."""
        self.in_archive = shown
        await self._answer(await principal(self))

    async def _begin(self, asker: Principal, utc_offset: object = None) -> None:
        """A page was hydrated; `utc_offset` is what its browser said."""
        await self._greet(await services().accounts.account(asker))
        self.epoch = new_id()[:8]
        self.me = asker.account_id[:12]
        self.max_chars = services().settings.max_message_chars
        self.signed_out = False
        self.build = build_id()
        self._offset = _minutes(utc_offset)

    async def _greet(self, account: Account) -> None:
        """Whose page it is."""
        is_guest = account.kind is AccountKind.GUEST
        self.person = Person(
            kind=account.kind.value,
            name=account.name,
            email=account.email,
            admin=account.role is Role.ADMIN,
            may_join=is_guest and await services().sign_in.sign_up_open(),
        )

    async def _answer(self, asker: Principal) -> None:
        """Something was done: the list shows it in the same delta."""
        self.answered += 1
        await self._read(asker)

    async def _read(self, asker: Principal) -> None:
        models = tuple(choice(one) for one in await services().models.offered())
        readiness = tuple(steps(services().models.readiness()))
        put(self, **await self._lists(asker), models=models, steps=readiness)

    async def _lists(self, asker: Principal) -> dict[str, Any]:
        """The lists that can be seen."""
        conversations = services().conversations
        listing = await conversations.listing(asker, limit=self._limit)
        pinned = [one for one in listing.items if one.conversation.pinned]
        others = listing.items[len(pinned) :]
        items = dated(others, now=datetime.now(UTC), offset_minutes=self._offset)
        lists = {"pinned": plain(pinned), "top": items[:TOP], "rest": items[TOP:], "more": listing.has_more}
        lists["unlisted"] = await self._unlisted(asker, {one.conversation.id for one in listing.items})
        if self.in_archive:
            archive = await conversations.listing(asker, limit=self._limit, archived=True)
            lists |= {"archived": plain(archive.items), "more": archive.has_more}
        return lists

    async def _unlisted(self, asker: Principal, listed: Collection[str]) -> Unlisted:
        """The conversation in the address, unless the list says it all."""
        conversation_id, _ = place_in(url_of(self))
        if not conversation_id or conversation_id in listed:
            return NONE_UNLISTED
        try:
            found = (await services().conversations.window(asker, conversation_id, limit=1)).conversation
        except NotFound:
            return NONE_UNLISTED
        return Unlisted(id=found.id, title=found.title, archived=found.archived)


def _minutes(said: object) -> int:
    """What a browser said is anything at all."""
    try:
        return int(said) if isinstance(said, str) and len(said) < len("-99999") else 0
    except ValueError:
        return 0
