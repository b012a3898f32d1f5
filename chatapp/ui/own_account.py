"""One's own account: name, password, and the browsers that are logged in."""

from collections.abc import Awaitable
from typing import Final, TypedDict

import reflex as rx

from chatapp.domain.accounts import AccountKind, LoginSession, Principal
from chatapp.domain.errors import ChatError, Invalid, NotSignedIn, WrongLogin
from chatapp.ui.access import principal, services, visit
from chatapp.ui.agents import agent_name
from chatapp.ui.arguments import identifier, words
from chatapp.ui.door import leave
from chatapp.ui.gate import Who, allow
from chatapp.ui.keys import Keys
from chatapp.ui.side import Side
from chatapp.ui.toasts import toast

#: The forms of the page that can be refused.
NAME: Final = "name"
PASSWORD: Final = "password"  # noqa: S105
DELETION: Final = "deletion"


class LoginRow(TypedDict):
    """A browser that is logged in, as it is drawn; `seen_at` in ISO 8601."""

    id: str
    name: str
    current: bool
    seen_at: str


class OwnAccount(rx.State):
    """`refused` names the form whose `problem` it is; `field` has to be filled in again."""

    ready: bool = False
    logins: tuple[LoginRow, ...] = ()
    refused: str = ""
    problem: str = ""
    field: str = ""
    tries: int = 0

    @rx.event
    @allow(Who.SIGNED_IN)
    async def arrive(self) -> None:
        """The page was opened."""
        asker = await principal(self)
        self.refused = self.problem = self.field = ""
        await (await self.get_state(Side))._greet(await services().accounts.account(asker))
        await self._read(asker)
        await (await self.get_state(Keys))._arrive(asker)
        self.ready = True

    @rx.event
    @allow(Who.SIGNED_IN)
    async def rename(self, name: str) -> None:
        """Another name, or none."""
        asker = await principal(self)
        if await self._do(asker, NAME, services().sign_in.rename(asker, words(name))):
            await (await self.get_state(Side))._greet(await services().accounts.account(asker))
            await toast(self, "Your name is changed" if words(name).strip() else "Your name is removed")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def change_password(self, old: str, new: str) -> None:
        """All other logins end by it."""
        asker = await principal(self)
        work = services().sign_in.change_password(asker, old=words(old), new=words(new), visit=visit(self))
        if await self._do(asker, PASSWORD, work):
            await toast(self, "Your password is changed; other browsers are signed out")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def end_login(self, login_id: str) -> None:
        """Another browser is signed out."""
        asker = await principal(self)
        ended = services().sign_in.end_login(asker, identifier(login_id), address=visit(self).address)
        if await self._do(asker, "", ended):
            await toast(self, "That browser is signed out")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def end_others(self) -> None:
        """All but this one."""
        asker = await principal(self)
        ended = services().sign_in.end_other_logins(asker, address=visit(self).address)
        if await self._do(asker, "", ended):
            await toast(self, "All other browsers are signed out")

    @rx.event
    @allow(Who.SIGNED_IN)
    async def delete(self, password: str) -> None:
        """The account and all that it has. Guests have no password to say."""
        asker = await principal(self)
        work = services().own_data.delete_account(asker, password=words(password), visit=visit(self))
        try:
            await work
        except ChatError as error:
            self._refuse(DELETION, error)
            return
        await leave(self, "/" if asker.kind is AccountKind.GUEST else "/login")

    async def _read(self, asker: Principal) -> None:
        is_member = asker.kind is AccountKind.MEMBER
        logins = await services().sign_in.logins(asker) if is_member else ()
        self.logins = tuple(_row(one) for one in logins)

    async def _do(self, asker: Principal, form: str, work: Awaitable[object]) -> bool:
        """Whether it was done; a refusal is said at its form, or in a toast where there is none."""
        self.refused = self.problem = self.field = ""
        try:
            await work
            done = True
        except NotSignedIn:
            raise
        except ChatError as error:
            done = False
            if form:
                self._refuse(form, error)
            else:
                await toast(self, error.message, kind="error")
        await self._read(asker)
        (await self.get_state(Side)).answered += 1
        return done

    def _refuse(self, form: str, error: ChatError) -> None:
        self.refused, self.problem = form, error.message
        self.tries += 1
        if isinstance(error, WrongLogin):
            self.field = "deletion" if form == DELETION else "old"
        elif isinstance(error, Invalid):
            self.field = "name" if form == NAME else "new"


def _row(login: LoginSession) -> LoginRow:
    seen_at = login.last_seen_at.isoformat(timespec="minutes")
    return LoginRow(id=login.id, name=agent_name(login.agent), current=login.current, seen_at=seen_at)
