"""Logging in, creating an account, and logging out.

A password is an argument and nothing else: it is in no var, so in no state and in no delta.
"""

from collections.abc import Awaitable
from typing import Final

import reflex as rx

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.addresses import local_path
from chatapp.domain.errors import ChatError, EmailTaken, Invalid, NotSignedIn, WeakPassword, WrongLogin
from chatapp.services.sign_in import Admission
from chatapp.ui.access import principal, services, visit
from chatapp.ui.arguments import words
from chatapp.ui.door import leave
from chatapp.ui.gate import Who, allow

#: Where the focus goes after a refusal: to what has to be written again.
_FIELDS: Final = (
    (WeakPassword, "password"),
    (WrongLogin, "password"),
    (EmailTaken, "email"),
    (Invalid, "email"),
)


class Entering(rx.State):
    """`creating`: an account is made, else one logs in. `tries` counts what was refused.

    `guests`: they are welcome. `is_guest`: one is here; `keeps`: with conversations, which an account that is
    made now would keep.
    """

    ready: bool = False
    creating: bool = False
    sign_up: bool = False
    guests: bool = False
    is_guest: bool = False
    keeps: bool = False
    problem: str = ""
    field: str = ""
    tries: int = 0

    @rx.event
    @allow(Who.CONNECTED)
    async def arrive(self) -> None:
        """The page was opened. Whoever is logged in has nothing to do here."""
        self.problem = self.field = ""
        self.guests = services().settings.auth_mode == "guest"
        self.sign_up = await services().sign_in.sign_up_open()
        self.creating = self.sign_up and "create" in self.router.url.query_parameters
        asker = await self._asker()
        self.is_guest = asker is not None and asker.kind is AccountKind.GUEST
        self.keeps = asker is not None and self.is_guest and await self._has_conversations(asker)
        if asker is not None and asker.kind is AccountKind.MEMBER:
            await leave(self, self._next())
        self.ready = True

    @rx.event
    @allow(Who.CONNECTED)
    async def show(self, creating: bool) -> None:
        """From logging in to creating an account, and back."""
        self.creating = creating and self.sign_up
        self.problem = self.field = ""

    @rx.event
    @allow(Who.CONNECTED)
    async def log_in(self, email: str, password: str) -> None:
        """The form was sent."""
        work = services().sign_in.log_in(email=words(email), password=words(password), visit=visit(self))
        await self._admit(work)

    @rx.event
    @allow(Who.CONNECTED)
    async def register(self, name: str, email: str, password: str) -> None:
        """The form was sent. A guest keeps what is there."""
        work = services().sign_in.register(
            await self._asker(),
            email=words(email),
            password=words(password),
            name=words(name),
            visit=visit(self),
        )
        await self._admit(work)

    @rx.event
    @allow(Who.SIGNED_IN)
    async def log_out(self) -> None:
        """This login ends, in all tabs of this browser."""
        await services().sign_in.log_out(await principal(self), address=visit(self).address)
        await leave(self, "/login")

    async def _admit(self, work: Awaitable[Admission]) -> None:
        try:
            await leave(self, self._next(), ticket=(await work).ticket)
        except ChatError as error:
            self.problem = error.message
            self.field = next((name for kind, name in _FIELDS if isinstance(error, kind)), "")
            self.tries += 1

    async def _asker(self) -> Principal | None:
        try:
            return await principal(self)
        except NotSignedIn:
            return None

    async def _has_conversations(self, asker: Principal) -> bool:
        return bool((await services().conversations.listing(asker, limit=1)).items)

    def _next(self) -> str:
        return local_path(self.router.url.query_parameters.get("next"))
