"""The outer gate: stands before everything, so that whoever is refused leaves nothing behind.

Pure ASGI. It knows the wire of Reflex's socket, and nothing of Reflex.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatapp.api import asking
from chatapp.api.asking import asked_by, whose
from chatapp.api.errors import HOW_TO_SIGN_IN, problem
from chatapp.api.guarded_socket import GONE, POLICY_VIOLATION, TRY_LATER, AnyText, GuardedSocket
from chatapp.api.handshake import (
    bearer_of,
    bound_token,
    client_address,
    inner_scope,
    login_cookies,
    origin_allowed,
    query_token,
    says_origin,
    tab_token,
    without_token,
)
from chatapp.api.packets import EventRules, Inbound
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import AccountKind, Principal
from chatapp.services.cookies import as_header
from chatapp.streams.counting import Buckets, Slots
from chatapp.telemetry.exchange import note
from chatapp.telemetry.rare import Rarely

logger = logging.getLogger(__name__)
logger.addFilter(Rarely())

SOCKET_PATH: Final = "/_event"
#: Programs' sockets: what follows is the id of a conversation.
CHAT_SOCKETS: Final = "/ws/chat/"
#: The guard's round: with the 2 s for which a login's answer is believed, an ended login is cut within 5 s.
ROUND: Final = timedelta(seconds=2)

#: RFC 9110, section 9.2.1. Whatever else there is, or will be, may change something.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: RFC 6455, section 5.5: a control frame has at most 125 bytes, and two are the code's.
_MAX_REASON_CHARS: Final = 123
#: As much of a body that is refused is still taken from the line, and for so long.
PASSED_OVER_BYTES: Final = 8 * 1024 * 1024
PASSED_OVER_TIME: Final = timedelta(seconds=2)
_WHY: Final = {
    403: "This page may not do that.",
    404: "There is nothing here.",
    413: "This is too much at once.",
}


class Logins(asking.Logins, Protocol):
    """What the guard asks about logins."""

    async def ended(self, principals: Collection[Principal]) -> frozenset[str]:
        """The ids of those logins that do not hold any more."""
        ...


class Guard:
    """Wraps the whole app. `logins` and `bearers` are asked at each connection: services open after the app
    was made."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: GuardPolicy,
        logins: Callable[[], Logins],
        bearers: Callable[[], asking.Logins],
        rules: EventRules,
    ) -> None:
        self._app: ASGIApp = app
        self._policy: GuardPolicy = policy
        self._logins: Callable[[], Logins] = logins
        self._bearers: Callable[[], asking.Logins] = bearers
        self._rules: EventRules = rules
        per_address = policy.connections_per_address
        self._addresses: Slots = Slots(per_address)
        self._per_login: Slots = Slots(policy.connections_per_login)
        self._per_account: Slots = Slots(policy.connections_per_account)
        self._programs: Slots = Slots(policy.program_connections_per_account)
        self._openings: Buckets = policy.openings()
        self._open: dict[GuardedSocket, Principal] = {}
        self._rounds: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses it."""
        if scope["type"] == "websocket" and scope["path"].startswith(CHAT_SOCKETS):
            refused = await self._program(scope, receive, send)
            if refused is not None:
                await _turn_away(refused, receive, send)
        elif scope["type"] == "websocket":
            reason = await self._socket(scope, receive, send)
            if reason is not None:
                logger.info("refused socket: %s", reason)
                await receive()
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> str | None:
        """Serves an admitted socket and returns None, or says why it is refused."""
        if scope["path"] != f"{SOCKET_PATH}/":  # as socket.io-client asks for it
            return "no socket here"
        if not origin_allowed(scope, self._policy):
            return "origin"
        token = tab_token(scope)
        if token is None:
            return "query"
        address = client_address(scope, trusted_proxy_hops=self._policy.trusted_proxy_hops)
        with self._addresses.taken(address) as free:
            if not free or not self._openings.take(address):
                return "too many connections from this address"
            principal = await whose(scope, self._policy, self._logins())
            if principal is None:
                return "login"
            with (
                self._per_login.taken(principal.login_id) as free_for_login,
                self._per_account.taken(principal.account_id) as free_for_account,
            ):
                if not (free_for_login and free_for_account):
                    return "too many connections of this login"
                inside = inner_scope(
                    scope,
                    login=as_header(principal),
                    token=bound_token(token, principal.login_id),
                    address=address,
                )
                socket = GuardedSocket(
                    receive=receive, send=send, inbound=Inbound(self._rules), policy=self._policy
                )
                await self._serve(inside, principal, socket)
        return None

    async def _program(self, scope: Scope, receive: Receive, send: Send) -> tuple[int, str] | None:
        """Serves a program's socket and returns None, or says with which code and words it is refused."""
        address = client_address(scope, trusted_proxy_hops=self._policy.trusted_proxy_hops)
        with self._addresses.taken(address) as free:
            if not free or not self._openings.take(address):
                return TRY_LATER, "Too many connections from this address."
            principal = await self._opener(scope)
            if principal is None or principal.kind is AccountKind.VISITOR:
                return POLICY_VIOLATION, f"You are not signed in. {HOW_TO_SIGN_IN}"
            with self._programs.taken(principal.account_id) as free_for_account:
                if not free_for_account:
                    return TRY_LATER, "Too many connections of this account."
                socket = GuardedSocket(
                    receive=receive, send=send, inbound=AnyText(), policy=self._policy, waits=True
                )
                await self._serve(asked_by(without_token(scope), principal), principal, socket)
        return None

    async def _opener(self, scope: Scope) -> Principal | None:
        """Whom a program's socket is for. Browsers can send no header with it: a token may be in the query.
        A cookie counts for our own pages alone."""
        bearer = bearer_of(scope)
        if bearer is None:
            bearer = query_token(scope)
        if bearer is not None:
            return await self._bearers().resolve(bearer)
        return (
            await whose(scope, self._policy, self._logins()) if origin_allowed(scope, self._policy) else None
        )

    async def _serve(self, scope: Scope, principal: Principal, socket: GuardedSocket) -> None:
        self._open[socket] = principal
        note(account_id=principal.account_id)
        self._keep_rounds()
        try:
            await socket.run(lambda receive, send: self._app(scope, receive, send))
        finally:
            del self._open[socket]
            if socket.cut_reason not in {None, GONE}:
                logger.warning("cut socket of login %s: %s", principal.login_id, socket.cut_reason)

    def _keep_rounds(self) -> None:
        if self._rounds is None or self._rounds.done():
            # An empty context: this task outlives the connection that happened to start it.
            self._rounds = asyncio.create_task(self._make_rounds(), context=contextvars.Context())

    async def _make_rounds(self) -> None:
        """Looks after all open sockets, while there are any."""
        while self._open:
            await asyncio.sleep(ROUND.total_seconds())
            for socket in list(self._open):
                socket.check_pace()
            try:
                ended = await self._logins().ended(set(self._open.values()))
            except Exception:
                # A database that is away for a moment ends nobody's login; each event asks for itself.
                logger.exception("logins could not be checked")
                continue
            for socket, principal in list(self._open.items()):
                if principal.login_id in ended:
                    socket.cut("login ended")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_closed(scope["path"]):
            await _refuse(404, scope, receive, send)
        elif self._is_forged(scope):
            await _refuse(403, scope, receive, send)
        elif _declared_length(scope) > self._policy.max_body_bytes:
            await _passed_over(receive)
            await _refuse(413, scope, receive, send)
        else:
            await _LimitedBody(self._app, limit=self._policy.max_body_bytes).serve(scope, receive, send)

    def _is_closed(self, path: str) -> bool:
        # `//` and backslashes mean different things to different readers; no page or call of ours has them.
        if "//" in path or "\\" in path or "\0" in path or "/../" in f"{path}/":
            return True
        # Engine.IO's other transport: long polling, whose bodies we do not read.
        return any(path == closed or path.startswith(f"{closed}/") for closed in self._closed_paths)

    @property
    def _closed_paths(self) -> tuple[str, ...]:
        return (SOCKET_PATH, *self._policy.closed_paths)

    def _is_forged(self, scope: Scope) -> bool:
        """A request that may change something, from a page that is not ours. Programs say no Origin; whoever
        brings a login cookie must say it. Without a cookie a page could still log somebody in.

        A bearer is nothing that a browser adds by itself: the page must have it, and must be allowed to send
        it (a preflight asks). And beside a bearer no cookie says who asks."""
        if scope["method"] in _SAFE_METHODS or origin_allowed(scope, self._policy):
            return False
        if bearer_of(scope) is not None:
            return False
        return says_origin(scope) or bool(login_cookies(scope, self._policy))


def _declared_length(scope: Scope) -> int:
    lengths = [value for key, value in scope["headers"] if key == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit()), default=0)


async def _refuse(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(scope["path"], status=status, code="refused", detail=_WHY[status])
    await answer(scope, receive, send)


async def _passed_over(receive: Receive) -> None:
    """Lets a body go by, within bounds: a proxy that still writes when its line is closed may hear of that,
    and not of the answer."""
    left = PASSED_OVER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(PASSED_OVER_TIME.total_seconds()):
            while left > 0:
                message = await receive()
                left -= len(message.get("body") or b"")
                if not message.get("more_body"):
                    return


async def _turn_away(refused: tuple[int, str], receive: Receive, send: Send) -> None:
    """Refuses a program's socket in a way that its library can tell: an open socket has a code and words."""
    code, why = refused
    logger.info("refused socket: %s", why)
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code, "reason": why[:_MAX_REASON_CHARS]})


class _LimitedBody:
    """Counts a request's body while it is read; a length that was declared may be a lie, or not there."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app: ASGIApp = app
        self._left: int = limit
        self._answered: bool = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the app; when the body was too long, whatever it makes of that is answered by 413."""

        async def next_part() -> Message:
            message = await receive()
            self._left -= len(message.get("body") or b"")
            return message if self._left >= 0 else {"type": "http.disconnect"}

        async def hand_on(message: Message) -> None:
            if self._left >= 0 or self._answered:
                self._answered = True
                await send(message)

        try:
            await self._app(scope, next_part, hand_on)
        except Exception:
            if self._left >= 0:
                raise
        if self._left < 0 and not self._answered:
            await _refuse(413, scope, receive, send)
