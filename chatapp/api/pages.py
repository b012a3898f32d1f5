"""The addresses of built pages, without a slash at their end, and how long browsers keep what was built."""

from collections.abc import Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What the build names by its content; all else keeps its name when it changes.
NAMED_BY_CONTENT: Final = "/assets/"
FOR_EVER: Final = b"public, max-age=31536000, immutable"
#: Kept, and asked for again before it is used: a page of yesterday names scripts that may be gone.
ASK_AGAIN: Final = b"no-cache"
_THERE: Final = frozenset({200, 206, 304})


class Pages:
    """Serves `/login` as what it is: the folder `login/` of the built page.

    The server of static files would send a browser on to `/login/`, and the page has then two addresses.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str]) -> None:
        self._app: ASGIApp = app
        self._paths: Collection[str] = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path in self._paths:
            scope = {**scope, "path": f"{path}/", "raw_path": f"{path}/".encode()}

        async def with_age(message: Message) -> None:
            await send(_aged(message, path))

        await self._app(scope, receive, with_age)


def _aged(message: Message, path: str) -> Message:
    """An answer's beginning says how long it is kept, unless a route has said so itself."""
    if message["type"] != "http.response.start":
        return message
    headers = {name.lower(): value for name, value in message.get("headers", [])}
    built = path.startswith(NAMED_BY_CONTENT)
    if built and headers.get(b"content-type", b"").startswith(b"text/html"):
        # There is no such file, so the chat's page was served, as for any address that may be one of its own.
        message = {**message, "status": 404}
    if b"cache-control" in headers:
        return message
    age = FOR_EVER if built and message["status"] in _THERE else ASK_AGAIN
    return {**message, "headers": [*message.get("headers", []), (b"cache-control", age)]}
