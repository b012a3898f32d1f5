"""The page's own part of the app's life: the registry of screens and its emitter."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import reflex as rx

from chatapp.domain.errors import Unavailable
from chatapp.ui.access import services
from chatapp.ui.following import Screens
from chatapp.ui.wire import ReflexWire

#: Objects until the youngest are collected, and how often the older ones are. Python's own 700 make a busy
#: server collect a hundred times a second.
COLLECT_AFTER: Final = (20_000, 20, 50)

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
    # What is there now stays: modules, the page's components, the services. A full collection that walks it
    # all stops every stream for a good part of a second, and comes the more often the more people send.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
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
