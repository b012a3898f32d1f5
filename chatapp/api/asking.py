"""Who asks over HTTP, and how often: found out once for each call of the API, before any route."""

import math
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from fastapi import Request

from chatapp.api.errors import problem
from chatapp.api.guarded_socket import Receive, Send
from chatapp.api.handshake import Scope, client_address, login_cookies
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotSignedIn, TooMany, Unavailable
from chatapp.services.counting import Buckets

App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: In the page's head: asked for at each load, also by those who have no login yet.
ENTRANCE: Final = "/api/enter.js"
#: Balancers and monitors ask for these all the time, from one address; they cost nothing and tell nothing.
SIGNS_OF_LIFE: Final = frozenset({"/api/live", "/api/ready", "/api/health"})

_ASKER: Final = "chatapp.asker"


class Logins(Protocol):
    """What is asked about a login cookie."""

    def login_id(self, cookie: str) -> str | None:
        """The login that a cookie of ours names, whether or not it still holds; asks nobody."""
        ...

    async def resolve(self, cookie: str) -> Principal | None:
        """Whom a cookie names now."""
        ...


async def whose(scope: Scope, policy: GuardPolicy, logins: Logins) -> Principal | None:
    """Whom the login cookie of a request names now; a visitor too."""
    for cookie in login_cookies(scope, policy):
        principal = await logins.resolve(cookie)
        if principal is not None:
            return principal
    return None


def anybody(request: Request) -> Principal | None:
    """Who asks, if they have a cookie of ours; visitors too."""
    return request.scope[_ASKER]


def asker(request: Request) -> Principal:
    """Who asks. Raises `NotSignedIn` for whoever has no login that holds now."""
    principal = anybody(request)
    if principal is None or principal.kind is AccountKind.VISITOR:
        raise NotSignedIn
    return principal


class Asking:
    """Stands between the guard and the API. `logins` is asked at each call: services open after the app was
    made."""

    def __init__(self, app: App, *, policy: GuardPolicy, logins: Callable[[], Logins]) -> None:
        self._app: App = app
        self._policy: GuardPolicy = policy
        self._logins: Callable[[], Logins] = logins
        limit, seconds = policy.requests_per_period, policy.request_period.total_seconds()
        self._calls: Buckets = Buckets(burst=limit, per_second=limit / seconds)
        self._retry_after: int = math.ceil(seconds / limit)
        # A page loads as often as it may open its socket.
        sockets = policy.connections_per_address
        self._entrances: Buckets = Buckets(burst=2 * sockets, per_second=sockets / 60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call, or says that there were too many."""
        if scope["type"] != "http" or not _is_call(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            principal = await self._admitted(scope)
        except (TooMany, Unavailable) as error:
            refusal = problem(status=error.status, code=error.code, detail=error.message)
            refusal.headers["retry-after"] = str(self._retry_after)
            await refusal(scope, receive, send)
            return
        await self._app({**scope, _ASKER: principal}, receive, send)

    async def _admitted(self, scope: Scope) -> Principal | None:
        """Who asks; raises `TooMany` before anybody is asked about a login that asks too often."""
        address = client_address(scope, trusted_proxy_hops=self._policy.trusted_proxy_hops)
        logins = self._logins()
        if scope["path"] == ENTRANCE:
            self._take(self._entrances, address)
            return await whose(scope, self._policy, logins)
        named = [logins.login_id(cookie) for cookie in login_cookies(scope, self._policy)]
        login_id = next((one for one in named if one is not None), None)
        self._take(self._calls, f"login {login_id}" if login_id else f"address {address}")
        principal = await whose(scope, self._policy, logins) if login_id else None
        if principal is not None:
            # A visitor's cookie costs nothing, so a thousand of them must not be a thousand askers.
            visits = principal.kind is AccountKind.VISITOR
            self._take(self._calls, f"address {address}" if visits else f"account {principal.account_id}")
        return principal

    @staticmethod
    def _take(buckets: Buckets, key: str) -> None:
        if not buckets.take(key):
            raise TooMany


def _is_call(path: str) -> bool:
    return (path == "/api" or path.startswith("/api/")) and path not in SIGNS_OF_LIFE
