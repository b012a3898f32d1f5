"""Who asks over HTTP, and how often: found out once for each call of the API, before any route."""

from collections.abc import Callable
from typing import Final, Protocol

from fastapi import Request, WebSocket
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatapp.api.errors import refusal
from chatapp.api.handshake import bearer_of, client_address, cookies_count, login_cookies
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import BadToken, NotSignedIn, TooMany, Unavailable
from chatapp.streams.counting import Buckets, Slots
from chatapp.streams.limits import Limits, Share
from chatapp.telemetry.exchange import note

#: In the page's head: asked for at each load, also by those who have no login yet.
ENTRANCE: Final = "/api/enter.js"
#: Where a program without a login gets one.
TOKEN: Final = "/api/token"  # noqa: S105
#: Balancers and monitors ask for these all the time, from one address; they cost nothing and tell nothing.
SIGNS_OF_LIFE: Final = frozenset({"/api/live", "/api/ready", "/api/health"})
#: What programs call; all else is the page's.
CALLED: Final = ("/api", "/v1", "/metrics")

_ASKER: Final = "chatapp.asker"
_TOO_MANY_OPEN: Final = "Too many streams and calls are open from this address."
#: What a page of another origin that may call us may read besides the body.
_EXPOSED: Final = b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Request-Id"


class Logins(Protocol):
    """What is asked about what somebody brings along: a cookie, or a bearer."""

    def login_id(self, secret: str, /) -> str | None:
        """The login that it names as far as can be known without asking anybody; it may have ended."""
        ...

    async def resolve(self, secret: str, /) -> Principal | None:
        """Whom it names now."""
        ...


async def whose(scope: Scope, policy: GuardPolicy, logins: Logins) -> Principal | None:
    """Whom the login cookie of a request names now; a visitor too."""
    for cookie in login_cookies(scope, policy):
        principal = await logins.resolve(cookie)
        if principal is not None:
            return principal
    return None


def anybody(request: Request) -> Principal | None:
    """Who asks, if they have a login or a cookie of ours; visitors too."""
    return request.scope[_ASKER]


def asker(request: Request) -> Principal:
    """Who asks, by cookie or bearer alike. Raises `NotSignedIn` for whoever has no login that holds now."""
    principal = anybody(request)
    if principal is None or principal.kind is AccountKind.VISITOR:
        raise NotSignedIn
    return principal


def socket_asker(websocket: WebSocket) -> Principal:
    """Who opened a socket of the API: the guard lets in nobody else, and cuts it when the login ends."""
    return websocket.scope[_ASKER]


def asked_by(scope: Scope, principal: Principal | None) -> Scope:
    """The scope that tells routes who asks."""
    return {**scope, _ASKER: principal}


class Asking:
    """Stands between the guard and the API. `logins`, `bearers` and `limits` are asked at each call: services
    open after the app was made."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: GuardPolicy,
        logins: Callable[[], Logins],
        bearers: Callable[[], Logins],
        limits: Callable[[], Limits],
    ) -> None:
        self._app: ASGIApp = app
        self._policy: GuardPolicy = policy
        self._logins: Callable[[], Logins] = logins
        self._bearers: Callable[[], Logins] = bearers
        self._limits: Callable[[], Limits] = limits
        self._entrances: Buckets = policy.openings()
        self._open: Slots = Slots(policy.calls_per_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call, or says that there were too many."""
        if scope["type"] != "http" or not _is_call(scope["path"]):
            await self._app(scope, receive, send)
            return
        address = client_address(scope, trusted_proxy_hops=self._policy.trusted_proxy_hops)
        # Held until the answer has gone, or its client: a stream is a call that takes long.
        with self._open.taken(address) as free:
            if free:
                await self._serve(scope, receive, send, address)
            else:
                told = _with_shares(send, [], refused=True)
                await refusal(scope["path"], TooMany(_TOO_MANY_OPEN))(scope, receive, told)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        shares: list[Share] = []
        try:
            principal = await self._admitted(scope, address, shares)
        except (BadToken, TooMany, Unavailable) as error:
            told = _with_shares(send, shares, refused=isinstance(error, TooMany))
            await refusal(scope["path"], error)(scope, receive, told)
            return
        if principal is not None and principal.kind is not AccountKind.VISITOR:
            note(account_id=principal.account_id)
        await self._app(asked_by(scope, principal), receive, _with_shares(send, shares))

    async def _admitted(self, scope: Scope, address: str, shares: list[Share]) -> Principal | None:
        """Who asks. Raises `BadToken`, and `TooMany` before anybody is asked about who asks too often.
        The last share is the one to be told of."""
        bearer = bearer_of(scope)
        if scope["path"] in {ENTRANCE, TOKEN} and bearer is None and not self._entrances.take(address):
            raise TooMany
        if scope["path"] == ENTRANCE:
            return await whose(scope, self._policy, self._logins())
        if bearer is not None:
            return await self._by_bearer(bearer, address, shares)
        return await self._by_cookie(scope, address, shares)

    async def _by_bearer(self, bearer: str, address: str, shares: list[Share]) -> Principal:
        """Whoever brings one is that or nobody, whatever else they bring. Wrong ones are their address's."""
        bearers = self._bearers()
        login_id = bearers.login_id(bearer)
        if login_id is None:
            _heed(await self._limits().left(f"address {address}", self._policy.rate), shares)
        else:
            await self._take(f"login {login_id}", shares)
        principal = await bearers.resolve(bearer)
        if principal is None:
            if login_id is None:
                await self._take(f"address {address}", shares)
            raise BadToken
        await self._take(f"account {principal.account_id}", shares)
        return principal

    async def _by_cookie(self, scope: Scope, address: str, shares: list[Share]) -> Principal | None:
        logins = self._logins()
        cookies = login_cookies(scope, self._policy) if cookies_count(scope, self._policy) else []
        named = (logins.login_id(cookie) for cookie in cookies)
        login_id = next((one for one in named if one is not None), None)
        await self._take(f"login {login_id}" if login_id else f"address {address}", shares)
        principal = await whose(scope, self._policy, logins) if login_id else None
        if principal is not None:
            # A visitor's cookie costs nothing, so a thousand of them must not be a thousand askers.
            visits = principal.kind is AccountKind.VISITOR
            await self._take(f"address {address}" if visits else f"account {principal.account_id}", shares)
        return principal

    async def _take(self, key: str, shares: list[Share]) -> None:
        _heed(await self._limits().call(key, self._policy.rate), shares)


def _heed(share: Share, shares: list[Share]) -> None:
    shares.append(share)
    if not share.granted:
        raise TooMany


def _with_shares(send: Send, shares: list[Share], *, refused: bool = False) -> Send:
    """Tells each answer what is left."""
    headers = [(b"access-control-expose-headers", _EXPOSED)]
    if shares:
        share = shares[-1]
        headers += [
            (b"x-ratelimit-limit", b"%d" % share.limit),
            (b"x-ratelimit-remaining", b"%d" % share.remaining),
            (b"x-ratelimit-reset", b"%d" % share.resets_at),
        ]
    if refused:
        # Whoever may not come in anew is let in a little later, whatever the rate of calls is.
        headers.append((b"retry-after", b"%d" % (shares[-1].wait if shares else 2)))

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *headers]}
        await send(message)

    return telling


def _is_call(path: str) -> bool:
    called = any(path == one or path.startswith(f"{one}/") for one in CALLED)
    return called and path not in SIGNS_OF_LIFE
