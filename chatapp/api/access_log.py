"""One line for each request, and for each socket at its end; and a name by which each can be asked about.

Outermost: what the guard refuses has a line as well, and what nobody caught is caught here.
"""

import logging
import re
from contextlib import ExitStack
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatapp.api.asking import SIGNS_OF_LIFE
from chatapp.api.errors import unforeseen
from chatapp.api.handshake import header
from chatapp.domain.ids import new_id
from chatapp.telemetry import exchange
from chatapp.telemetry.logs import fields
from chatapp.telemetry.metrics import OTHER, Metrics

logger = logging.getLogger(__name__)

REQUEST_ID: Final = b"x-request-id"
#: All that is not the API's: the page, its scripts and styles.
PAGE: Final = "page"
PAGE_SOCKET: Final = "/_event"
EVENT_STREAM: Final = b"text/event-stream"
#: A proxy's name for a request is kept, so that its log and ours can be read together.
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
#: As `new_id` makes them. What else stands in a path may be anything.
_AN_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
#: Not answered: the client went away first (nginx's number for it).
_CLIENT_GONE: Final = 499
#: What a client that was refused its socket sees of it.
_REFUSED: Final = 403
#: RFC 6455, section 7.4.1: the line broke without a goodbye; our fault.
_NO_GOODBYE: Final = 1006
_INTERNAL_ERROR: Final = 1011


class AccessLog:
    """Wraps everything."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app: ASGIApp = app
        self._metrics: Metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or socket."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        about, began = exchange.begin(_request_id(scope)), perf_counter()
        with _Answer(scope, send, self._metrics, about.request_id) as answer:
            try:
                await self._app(scope, receive, answer.send)
            except Exception:
                logger.exception("a request failed")
                if answer.status:
                    # Half an answer: the server breaks the connection off, or it would look like a whole one.
                    raise
                await unforeseen(scope["path"])(scope, receive, answer.send)
            finally:
                status, seconds = answer.status or _CLIENT_GONE, perf_counter() - began
                method, route = scope["method"], about.route or (PAGE if status < 400 else OTHER)
                self._metrics.request_answered(method=method, route=route, status=status, seconds=seconds)
                probe = scope["path"] in SIGNS_OF_LIFE
                _say(logging.DEBUG if probe else logging.INFO, method, route, status, seconds)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page, began = scope["path"].startswith(f"{PAGE_SOCKET}/"), perf_counter()
        about = exchange.begin(_request_id(scope), about_a_run=not is_page)
        with _Socket(receive, send, self._metrics, is_page=is_page) as socket:
            try:
                await self._app(scope, socket.receive, socket.send)
            except Exception:
                logger.exception("a socket failed")
                if socket.status in {_REFUSED, _NO_GOODBYE}:
                    await socket.send({"type": "websocket.close", "code": _INTERNAL_ERROR})
            finally:
                route = about.route or (PAGE_SOCKET if is_page else OTHER)
                _say(logging.INFO, "WEBSOCKET", route, socket.status, perf_counter() - began)


class NamesRoutes:
    """Stands within the API and tells which route was taken, once it was found."""

    def __init__(self, app: ASGIApp) -> None:
        self.app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        try:
            await self.app(scope, receive, send)
        finally:
            # FastAPI writes it into the scope; the page, which is mounted behind, does not.
            if (route := scope.get("route")) is not None:
                run_id = scope["path_params"].get("run_id", "")
                exchange.note(route=route.path, run_id=run_id if _AN_ID.fullmatch(run_id) else "")


class _Answer(ExitStack):
    """An answer on its way: sees its status, and gives it its name."""

    def __init__(self, scope: Scope, send: Send, metrics: Metrics, request_id: str) -> None:
        super().__init__()
        self._scope: Scope = scope
        self._send: Send = send
        self._metrics: Metrics = metrics
        self._name: tuple[bytes, bytes] = (REQUEST_ID, request_id.encode())
        #: 0 while there is no answer.
        self.status: int = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            if any(k.lower() == b"content-type" and value.startswith(EVENT_STREAM) for k, value in headers):
                protocol = "openai" if self._scope["path"].startswith("/v1/") else "sse"
                self.enter_context(self._metrics.stream_open(protocol))
            message = {**message, "headers": [*headers, self._name]}
        await self._send(message)


class _Socket(ExitStack):
    """A socket from beginning to end: sees whether it was accepted, and the code that it was closed with."""

    def __init__(self, receive: Receive, send: Send, metrics: Metrics, *, is_page: bool) -> None:
        super().__init__()
        self._receive: Receive = receive
        self._send: Send = send
        self._metrics: Metrics = metrics
        self._is_page: bool = is_page
        self.status: int = _REFUSED

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and self.status == _NO_GOODBYE:
            self.status = message.get("code") or _NO_GOODBYE
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.status = _NO_GOODBYE
            metrics = self._metrics
            self.enter_context(metrics.socket_open() if self._is_page else metrics.stream_open("websocket"))
        elif message["type"] == "websocket.close" and self.status == _NO_GOODBYE:
            self.status = message.get("code") or _NO_GOODBYE
        await self._send(message)


def _request_id(scope: Scope) -> str:
    given = header(scope, REQUEST_ID)
    return given if given is not None and _SAFE_ID.fullmatch(given) else new_id()


def _say(level: int, method: str, route: str, status: int, seconds: float) -> None:
    # What else is known (account, request, run) each line of a request says by itself.
    logger.log(
        level,
        "request",
        extra=fields(method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1)),
    )
