"""The headers that tell a browser what not to do, on every answer."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatapp.api.handshake import is_https
from chatapp.api.policy import GuardPolicy

_ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # A conversation's address is nobody else's business.
    b"referrer-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), browsing-topics=()",
    b"cross-origin-opener-policy": b"same-origin",
    # Nobody else's page draws or reads ours, not even as an image or a script.
    b"cross-origin-resource-policy": b"same-origin",
}
_HTTPS: Final = {b"strict-transport-security": b"max-age=31536000; includeSubDomains"}


class SecurityHeaders:
    """Adds them, unless a route has said something of its own."""

    def __init__(
        self, app: ASGIApp, *, policy: GuardPolicy, content_security_policy: Callable[[], str]
    ) -> None:
        """The policy's text is asked for at the first answer: the page is built after the app was made."""
        self._app: ASGIApp = app
        self._policy: GuardPolicy = policy
        self._make_csp: Callable[[], str] = content_security_policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ours = self._headers | (_HTTPS if is_https(scope, self._policy) else {})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {key.lower() for key, _ in message.get("headers", [])}
                added = [(key, value) for key, value in ours.items() if key not in there]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self._app(scope, receive, with_headers)

    @cached_property
    def _headers(self) -> dict[bytes, bytes]:
        return {**_ALWAYS, b"content-security-policy": self._make_csp().encode()}
