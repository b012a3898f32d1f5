"""The page's own part of the app's life: the registry of screens and its emitter."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import reflex as rx

from chatapp.domain.errors import Unavailable
from chatapp.opening import spare_collections
from chatapp.ui.access import services
from chatapp.ui.following import Screens
from chatapp.ui.wire import ReflexWire

_serving: list[Screens] = []


@asynccontextmanager
async def serve_screens(app: rx.App) -> AsyncGenerator[None]:
    """A lifespan task, after the one that opens the services.

    The emitter is not started by an event: it would keep that event's context, and with it a user's.
    """
    screens = Screens(
        following=services().following,
        accounts=services().accounts,
        models=services().models,
        wire=ReflexWire(app),
    )
    emitter = asyncio.create_task(screens.run(), name="screens")
    _serving.append(screens)
    spare_collections()
    try:
        yield
    finally:
        _serving.remove(screens)
        emitter.cancel()
        with suppress(asyncio.CancelledError):
            await emitter


def screens() -> Screens:
    """Who looks at what in this process. Raises `Unavailable` while it starts or stops."""
    if not _serving:
        raise Unavailable
    return _serving[-1]
