"""The way in and out: each browser's cookie, and log-in for programs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chatapp.api.asking import ENTRANCE, anybody
from chatapp.api.handshake import client_address, cookie_name, header, is_https, login_cookies
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import AccountKind, HeldBy
from chatapp.domain.addresses import local_path
from chatapp.domain.errors import NotSignedIn
from chatapp.services.accounts import Accounts
from chatapp.services.sign_in import Admission, SignIn, Visit

#: A browser keeps the cookie for longer than the login holds: who comes back late is told so, and not taken
#: for somebody new.
COOKIE_OUTLIVES: Final = timedelta(days=30)


class Desk(Protocol):
    """Where one signs in."""

    @property
    def accounts(self) -> Accounts:
        """Knows who somebody is."""
        ...

    @property
    def sign_in(self) -> SignIn:
        """Lets them in."""
        ...


class Credentials(BaseModel):
    """What a program logs in with. Longer ones are nobody's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    email: Annotated[str, Field(max_length=1_000, examples=["ann@example.org"])]
    password: Annotated[SecretStr, Field(max_length=1_000, examples=["a long sentence is a good one"])]


class LoggedIn(BaseModel):
    """Who somebody is now; the login itself is in the cookie alone."""

    email: Annotated[str, Field(examples=["ann@example.org"])]
    name: Annotated[str, Field(examples=["Ann"])]
    role: Annotated[str, Field(examples=["user"])]
    expires_at: datetime


def sign_in_routes(desk: Callable[[], Desk], policy: GuardPolicy) -> APIRouter:
    """The routes. `desk` is asked at each call: services open after the app was made."""
    routes = APIRouter()
    _add_entrances(routes, desk, policy)
    _add_log_in(routes, desk, policy)
    return routes


def _add_entrances(routes: APIRouter, desk: Callable[[], Desk], policy: GuardPolicy) -> None:
    """Where a page's browser gets its cookie."""

    @routes.get(ENTRANCE, include_in_schema=False)
    async def enter(request: Request) -> Response:
        """An empty script in the page's head. The browser waits for it, so the page's socket, opened later,
        carries the cookie that this answer set (the server drops cookies on the socket's own answer)."""
        answer = Response("", media_type="text/javascript", headers={"Cache-Control": "no-store"})
        # In development the page is on another port: same site, but not same origin.
        answer.headers["Cross-Origin-Resource-Policy"] = "same-site"
        accounts = desk().accounts
        if _is_new(request, accounts, policy):
            lasts = accounts.cookies.ttl + COOKIE_OUTLIVES
            _set_cookie(answer, request, policy, accounts.cookies.make(), lasts)
        return answer

    @routes.get("/api/admit", include_in_schema=False)
    async def admit(
        request: Request,
        ticket: Annotated[str, Query(max_length=200)],
        next_: Annotated[str, Query(alias="next", max_length=2_000)] = "/",
    ) -> Response:
        """The page asked for a password over its socket, which cannot set cookies: here its ticket becomes
        one. Only the browser whose socket got the ticket can use it, once."""
        before = anybody(request)
        admission = await desk().sign_in.redeem(before.login_id, ticket) if before else None
        if admission is None:
            raise NotSignedIn("This log-in was not finished.", advice="Please log in again.")
        answer = RedirectResponse(local_path(next_), status_code=303, headers={"Cache-Control": "no-store"})
        _admit(answer, request, policy, admission)
        return answer


def _add_log_in(routes: APIRouter, desk: Callable[[], Desk], policy: GuardPolicy) -> None:
    """The same for programs, and the way out for everybody."""

    @routes.post("/api/login")
    async def log_in(request: Request, given: Credentials, answer: Response) -> LoggedIn:
        """Log in with a password; the answer sets the cookie that later calls bring along."""
        admission = await desk().sign_in.log_in(
            email=given.email, password=given.password.get_secret_value(), visit=visit_of(request, policy)
        )
        # Whoever was logged in here is not any more: their login would stay in their list, held by nobody.
        before = anybody(request)
        if before is not None and before.held_by is HeldBy.BROWSER:
            await _end_login(request, desk().sign_in, policy)
        _admit(answer, request, policy, admission)
        account = admission.account
        return LoggedIn(
            email=account.email, name=account.name, role=account.role.value, expires_at=admission.expires_at
        )

    @routes.post("/api/logout", status_code=204)
    async def log_out(request: Request) -> Response:
        """End the login of the cookie, or of the token, everywhere it is open; and forget the cookie."""
        await _end_login(request, desk().sign_in, policy)
        answer = Response(status_code=204)
        _set_cookie(answer, request, policy, "", timedelta())
        return answer


async def _end_login(request: Request, sign_in: SignIn, policy: GuardPolicy) -> None:
    before = anybody(request)
    if before is not None and before.kind is not AccountKind.VISITOR:
        await sign_in.log_out(before, address=visit_of(request, policy).address)


def _is_new(request: Request, accounts: Accounts, policy: GuardPolicy) -> bool:
    """Whether the browser is to get the cookie of a first visit."""
    principal = anybody(request)
    if principal is None:
        # Another site may load the script, without the person's cookie: that is no first visit.
        return request.headers.get("sec-fetch-site") != "cross-site"
    if principal.kind is not AccountKind.VISITOR or accounts.cookies.first_visit is AccountKind.VISITOR:
        return False
    # A guest's login that has ended makes room for a new guest. A member's does not: they log in again.
    return not any(map(accounts.cookies.was_member, login_cookies(request.scope, policy)))


def visit_of(request: Request, policy: GuardPolicy) -> Visit:
    """Where a call comes from."""
    scope = request.scope
    address = client_address(scope, trusted_proxy_hops=policy.trusted_proxy_hops)
    return Visit(address=address, agent=header(scope, b"user-agent") or "")


def _admit(answer: Response, request: Request, policy: GuardPolicy, admission: Admission) -> None:
    lasts = admission.expires_at - datetime.now(UTC)
    _set_cookie(answer, request, policy, admission.cookie, lasts + COOKIE_OUTLIVES)


def _set_cookie(
    answer: Response, request: Request, policy: GuardPolicy, value: str, lasts: timedelta
) -> None:
    scope = request.scope
    answer.set_cookie(
        cookie_name(scope, policy),
        value,
        max_age=int(lasts.total_seconds()),
        path="/",
        httponly=True,
        secure=is_https(scope, policy),
        samesite="lax",
    )
