"""The FastAPI app: mounted in front of Reflex, on the same port."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from chatapp.api import errors
from chatapp.api.handshake import cookie_name, is_https, login_cookies
from chatapp.api.policy import GuardPolicy
from chatapp.domain.accounts import Principal
from chatapp.domain.errors import NotFound
from chatapp.services.cookies import LoginCookies

logger = logging.getLogger(__name__)

#: An answer about health comes within 5 s, whatever hangs behind it.
HEALTH_TIMEOUT: Final = timedelta(seconds=4)
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"


class Desk(Protocol):
    """Where guests get their cookies."""

    @property
    def cookies(self) -> LoginCookies:
        """Makes them."""
        ...

    async def resolve(self, cookie: str) -> Principal | None:
        """Reads them."""
        ...


#: Answers for each part whether it works, or says what is wrong with it.
Health = Callable[[], Awaitable[Mapping[str, bool | str]]]


def make_api(*, desk: Callable[[], Desk], health: Health, policy: GuardPolicy) -> FastAPI:
    """The API. `desk` and `health` are asked at each request: services open after the app was made."""
    # FastAPI's own docs page loads its scripts from a CDN: it stays off.
    app = FastAPI(title="chatapp", docs_url=None, redoc_url=None, openapi_url=None)
    errors.install(app)
    app.include_router(_entrance(desk, policy))
    app.include_router(_signs_of_life(health))
    app.include_router(_index())
    return app


def _entrance(desk: Callable[[], Desk], policy: GuardPolicy) -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/enter.js", include_in_schema=False)
    async def enter(request: Request) -> Response:
        """An empty script in the page's head. The browser waits for it, so the page's socket, opened later,
        carries the cookie that this answer set (the server drops cookies on the socket's own answer)."""
        answer = Response("", media_type="text/javascript", headers={"Cache-Control": "no-store"})
        # In development the page is on another port: same site, but not same origin.
        answer.headers["Cross-Origin-Resource-Policy"] = "same-site"
        if await _needs_cookie(request, desk(), policy):
            guests = desk().cookies
            answer.set_cookie(
                cookie_name(dict(request.scope), policy),
                guests.make(),
                max_age=int(guests.ttl.total_seconds()),
                path="/",
                httponly=True,
                secure=is_https(dict(request.scope), policy),
                samesite="lax",
            )
        return answer

    return routes


async def _needs_cookie(request: Request, desk: Desk, policy: GuardPolicy) -> bool:
    # Another site may load the script, without the person's cookie: it must not look like a first visit.
    if request.headers.get("sec-fetch-site") == "cross-site":
        return False
    for cookie in login_cookies(dict(request.scope), policy):
        if await desk.resolve(cookie) is not None:
            return False
    return True


def _signs_of_life(health: Health) -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/live")
    async def live() -> dict[str, object]:
        """The process answers."""
        return {"status": HEALTHY, "checks": {}}

    @routes.get("/api/health")
    @routes.get("/api/ready")
    async def ready() -> JSONResponse:
        """Everything behind it works; 503 when not. Never an exception, never longer than 5 s."""
        checks = await _checked(health)
        good = all(check is True for check in checks.values())
        content = {"status": HEALTHY if good else UNHEALTHY, "checks": checks}
        return JSONResponse(content, status_code=200 if good else 503, headers={"Cache-Control": "no-store"})

    return routes


async def _checked(health: Health) -> Mapping[str, bool | str]:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT.total_seconds()):
            return await health()
    except TimeoutError:
        return {"services": "no answer"}
    except Exception:
        logger.exception("health could not be checked")
        return {"services": False}


def _index() -> APIRouter:
    routes = APIRouter()

    @routes.get("/api")
    async def index() -> dict[str, str]:
        """Where to read on."""
        return {
            "name": "chatapp",
            "docs": "/api/docs",
            "openapi": "/api/openapi.json",
            "health": "/api/health",
        }

    @routes.api_route(
        "/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )
    async def nothing_here(rest: str) -> None:
        """What is not there is said in the API's own words; the page would answer anything with itself."""
        del rest
        raise NotFound

    return routes
