"""The addresses of built pages, without a slash at their end."""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from chatapp.api.handshake import Scope

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Pages:
    """Serves `/login` as what it is: the folder `login/` of the built page.

    The server of static files would send a browser on to `/login/`, and the page has then two addresses.
    """

    def __init__(self, app: App, *, paths: Collection[str]) -> None:
        self._app: App = app
        self._paths: Collection[str] = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "http" and scope["path"] in self._paths:
            path = f"{scope['path']}/"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)
