"""The admin's page: users, replies in flight, the audit log.

Its vars are empty for everybody but an admin who looks at it, and are emptied when the role is lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final, TypedDict

import reflex as rx
from reflex_base.event.context import EventContext

from chatapp.domain.accounts import Principal, Role
from chatapp.domain.errors import ChatError, Invalid, NotFound, NotSignedIn
from chatapp.ui.access import principal, services, visit
from chatapp.ui.arguments import identifier, words
from chatapp.ui.gate import Who, allow
from chatapp.ui.overseen import EventRow, RunRow, UserRow, event_row, run_row, user_row
from chatapp.ui.putting import put
from chatapp.ui.side import Side
from chatapp.ui.toasts import toast

logger = logging.getLogger(__name__)

ADMIN_ROUTE: Final = "/admin"
PAGE: Final = 50
MOST: Final = 1000
#: How often it is looked at who looks, and what runs. With the 2 s for which a login's answer is believed, a
#: lost role is off the screen within 5 s.
TICK_SECONDS: Final = 1.0
MAX_SEARCH_CHARS: Final = 200


class Section(StrEnum):
    """A part of the page."""

    USERS = "users"
    RUNS = "runs"
    EVENTS = "events"


class Question(TypedDict):
    """Asked before what cannot be taken back: `what` is to be done to which account; "" is nothing."""

    what: str
    account_id: str


NO_QUESTION: Final = Question(what="", account_id="")


class Secret(TypedDict):
    """A password that was made for an account; it is shown once, and never in what the server keeps."""

    account_id: str
    password: str


NO_SECRET: Final = Secret(account_id="", password="")


class Admin(rx.State):
    """`section` is "" until it is known that an admin looks; `missing`: it is known that none does."""

    section: str = ""
    missing: bool = False
    search: str = ""
    users: tuple[UserRow, ...] = ()
    runs: tuple[RunRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    more: bool = False
    question: Question = NO_QUESTION
    secret: Secret = NO_SECRET
    _limit: int = PAGE

    @rx.event
    @allow(Who.ADMIN)
    async def show(self, section: str) -> None:
        """Another part of the page."""
        if section not in set(Section):
            raise Invalid
        asker = await principal(self)
        self.section, self._limit, self.question = section, PAGE, NO_QUESTION
        await self._read(asker)

    @rx.event
    @allow(Who.ADMIN)
    async def find(self, search: str) -> None:
        """As one types."""
        asker, self.search = await principal(self), words(search)[:MAX_SEARCH_CHARS]
        self._limit = PAGE
        await self._read(asker)

    @rx.event
    @allow(Who.ADMIN)
    async def show_more(self) -> None:
        """Those that follow."""
        self._limit = min(self._limit + PAGE, MOST)
        await self._read(await principal(self))

    @rx.event
    @allow(Who.ADMIN)
    async def ask(self, what: str, account_id: str) -> None:
        """Before something that cannot be taken back."""
        self.question = Question(what=identifier(what), account_id=identifier(account_id))
        (await self.get_state(Side)).answered += 1

    @rx.event
    @allow(Who.ADMIN)
    async def never_mind(self) -> None:
        """It was not meant."""
        self.question = NO_QUESTION

    @rx.event
    @allow(Who.ADMIN)
    async def make_admin(self, account_id: str, is_admin: bool) -> None:
        """Give a member the role, or take it."""
        role, address = Role.ADMIN if is_admin else Role.USER, visit(self).address
        set_role = services().admin.set_role
        await self._do(lambda asker: set_role(asker, identifier(account_id), role, address=address))

    @rx.event
    @allow(Who.ADMIN)
    async def disable(self, account_id: str, disabled: bool) -> None:
        """Let an account in no more, or again."""
        set_disabled, address = services().admin.set_disabled, visit(self).address
        await self._do(lambda asker: set_disabled(asker, identifier(account_id), disabled, address=address))

    @rx.event
    @allow(Who.ADMIN)
    async def reset_password(self, account_id: str) -> None:
        """Another password, shown once."""
        reset, address = services().admin.reset_password, visit(self).address
        made = await self._do(lambda asker: reset(asker, identifier(account_id), address=address))
        if isinstance(made, str):
            await _tell(Secret(account_id=account_id, password=made))

    @rx.event
    @allow(Who.ADMIN)
    async def forget_password(self) -> None:
        """It was written down."""
        await _tell(NO_SECRET)

    @rx.event
    @allow(Who.ADMIN)
    async def delete(self, account_id: str) -> None:
        """End an account, with all that it has."""
        delete, address = services().admin.delete, visit(self).address
        if await self._do(lambda asker: delete(asker, identifier(account_id), address=address)):
            await toast(self, "The account is deleted; its conversations are being removed.")

    @rx.event
    @allow(Who.ADMIN)
    async def stop_run(self, run_id: str) -> None:
        """End the making of a reply."""
        stop_run, address = services().admin.stop_run, visit(self).address
        await self._do(lambda asker: stop_run(asker, identifier(run_id), address=address))

    @rx.event(background=True)
    @allow(Who.SERVER)
    async def follow(self) -> None:
        """For as long as the tab shows this page; Reflex cancels it when it does not."""
        while True:
            async with self:
                if not await self._look():
                    return
            await asyncio.sleep(TICK_SECONDS)

    async def _look(self) -> bool:
        """Who looks now, and what runs; False when the page is not theirs."""
        try:
            asker = await principal(self)
            if self.section in {"", Section.RUNS}:
                await self._read(asker)
            else:
                await services().accounts.require_admin(asker)
        except (NotSignedIn, NotFound) as error:
            self._forget()
            self.missing = True
            (await self.get_state(Side)).signed_out |= isinstance(error, NotSignedIn)
            return False
        except ChatError as error:
            # Who looks is not known now, so nothing is shown until it is.
            logger.warning("the admin's page could not be read: %s", error.code)
            self._forget()
        return True

    async def _fill(self, asker: Principal) -> None:
        """The page is hydrated for somebody. Others are shown what is shown where nothing is."""
        try:
            await self._read(asker)
        except NotFound:
            self.missing = True

    def _forget(self) -> None:
        put(
            self, section="", missing=False, search="", users=(), runs=(), events=(), more=False,
            question=NO_QUESTION, secret=NO_SECRET, _limit=PAGE,
        )  # fmt: skip

    async def _read(self, asker: Principal) -> None:
        """What the section shows, as it is now. Raises `NotFound` for everybody but admins."""
        admin, shown = services().admin, {}
        match self.section:
            case Section.RUNS:
                shown["runs"] = tuple(map(run_row, await admin.runs(asker)))
            case Section.EVENTS:
                lines = await admin.events(asker, limit=self._limit + 1)
                shown["events"] = tuple(map(event_row, lines[: self._limit]))
                shown["more"] = len(lines) > self._limit
            case _:
                page = await admin.users(asker, search=self.search, limit=self._limit)
                me = asker.account_id
                shown["users"] = tuple(user_row(one, is_me=one.account.id == me) for one in page.users)
                shown["more"] = bool(page.after)
        shown["section"] = self.section or Section.USERS.value
        put(self, **shown)

    async def _do(self, work: Callable[[Principal], Awaitable[object]]) -> object:
        """What came of it, or whether it was done; a refusal is said in words."""
        asker = await principal(self)
        put(self, question=NO_QUESTION)
        try:
            done: object = await work(asker) or True
        except NotSignedIn:
            raise
        except ChatError as error:
            await toast(self, error.message, kind="error")
            done = False
        (await self.get_state(Side)).answered += 1
        await self._read(asker)
        return done


async def _tell(secret: Secret) -> None:
    """Straight to the tab: the state, which may be stored elsewhere, never has it."""
    name = f"secret{rx.constants.state.FIELD_MARKER}"
    await EventContext.get().emit_delta({Admin.get_full_name(): {name: secret}})
