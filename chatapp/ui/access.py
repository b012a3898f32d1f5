"""The way from a handler to the services, and to whoever called it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import reflex as rx

from chatapp.bootstrap import Services, open_services
from chatapp.domain.accounts import Principal
from chatapp.domain.errors import NotSignedIn, Unavailable
from chatapp.services.cookies import principal_of
from chatapp.settings import load_or_exit

_opened: Services | None = None


@asynccontextmanager
async def opened_services() -> AsyncGenerator[None]:
    """A lifespan task: the services are open while the app runs. Production forks after it loaded the app, so
    nothing is opened before."""
    global _opened  # noqa: PLW0603  (handlers are called by Reflex, which hands nothing on)
    async with open_services(load_or_exit()) as services:
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
    """Who called the handler, looked up anew (at most 5 s out of date). Raises `NotSignedIn`.

    The guard wrote it into the connection's headers; nothing that the page sends can change it.
    """
    caller = principal_of(state.router.headers.cookie)
    if caller is None:
        raise NotSignedIn
    await services().accounts.require(caller)
    return caller
