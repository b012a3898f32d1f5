"""What tabs are shown, without any browser; only the sockets are made up."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from chatapp.bootstrap import Services
from chatapp.ui.following import Screens
from chatapp.ui.live import Live, Now
from chatapp.ui.wire import Wire

LEVELS: Final = [f"t{level}_rx_state_" for level in (5, 4, 3, 2, 1, 0)]


class Browsers(Wire):
    """Sockets that keep what they are sent; one can be slow, or gone."""

    def __init__(self) -> None:
        self.queued: dict[str, int] = {}
        self.encoded = 0
        self.values: dict[str, dict[str, Any]] = {}
        self.frames: dict[str, int] = {}

    def waiting(self, token: str) -> int | None:
        return self.queued.get(token, 0) if token != "gone" else None

    def encode(self, delta: Mapping[str, Mapping[str, Any]]) -> Any:
        self.encoded += 1
        return delta

    async def send(self, token: str, frame: Any) -> None:
        self.frames[token] = self.frames.get(token, 0) + 1
        for state, values in frame.items():
            self.values.setdefault(token, {}).update({(state, name): value for name, value in values.items()})

    def text(self, token: str) -> str:
        held = self.values.get(token, {})
        return "".join(held.get((Live.get_full_name(), name), "") for name in LEVELS)

    def now(self, token: str, name: str) -> Any:
        return self.values.get(token, {}).get((Now.get_full_name(), f"{name}_rx_state_"))


@asynccontextmanager
async def showing(services: Services, browsers: Browsers) -> AsyncGenerator[Screens]:
    """The screens of a process while it tells them what happens."""
    screens = Screens(
        following=services.following, accounts=services.accounts, models=services.models, wire=browsers
    )
    emitter = asyncio.create_task(screens.run())
    yield screens
    emitter.cancel()
    with suppress(asyncio.CancelledError):
        await emitter
