"""The way from a handler to the services, and to whoever called it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import reflex as rx

from chatapp.bootstrap import Services, open_services
from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotSignedIn, Unavailable
from chatapp.services.cookies import principal_of
from chatapp.services.sign_in import Visit
from chatapp.settings import load_or_exit
from chatapp.telemetry.metrics import Metrics
from chatapp.ui.connected import cookie_of

_opened: Services | None = None


@asynccontextmanager
async def opened_services(metrics: Metrics) -> AsyncGenerator[None]:
    """A lifespan task: the services are open while the app runs. Production forks after it loaded the app, so
    nothing is opened before."""
    global _opened  # noqa: PLW0603  (handlers are called by Reflex, which hands nothing on)
    async with open_services(load_or_exit(), metrics) as services:
        _opened = services
        try:
            yield
        finally:
            _opened = None


def services() -> Services:
    """The services of this process. Raises `Unavailable` while it starts or stops."""
    if _opened is None:
        raise Unavailable
    return _opened


async def principal(state: rx.State) -> Principal:
    """Who called the handler, looked up anew (at most 5 s out of date). Raises `NotSignedIn`, for a visitor
    as well.

    The guard wrote it into the connection's headers; nothing that the page sends can change it.
    """
    asker = caller(state)
    if asker.kind is AccountKind.VISITOR:
        raise NotSignedIn
    await services().accounts.require(asker)
    return asker


def caller(state: rx.State) -> Principal:
    """Whose socket the handler was called on, a visitor's too; the login may have ended since.

    Raises `NotSignedIn` when nobody was let in.
    """
    found = principal_of(cookie_of(state))
    if found is None:
        raise NotSignedIn
    return found


def visit(state: rx.State) -> Visit:
    """From where the handler was called: as the guard counts it, and as the browser calls itself."""
    router = state.router
    return Visit(
        address=router.session.client_ip, agent=router.headers.user_agent, page_of=caller(state).login_id
    )
