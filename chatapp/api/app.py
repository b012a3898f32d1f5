"""The FastAPI app: mounted in front of Reflex, on the same port."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from chatapp.api import errors
from chatapp.api.own_data import Archive, own_data_routes
from chatapp.api.policy import GuardPolicy
from chatapp.api.sign_in import Desk, sign_in_routes
from chatapp.domain.errors import NotFound

logger = logging.getLogger(__name__)

#: An answer about health comes within 5 s, whatever hangs behind it.
HEALTH_TIMEOUT: Final = timedelta(seconds=4)
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"


#: Answers for each part whether it works, or says what is wrong with it.
Health = Callable[[], Awaitable[Mapping[str, bool | str]]]


class Behind(Desk, Archive, Protocol):
    """The services that the routes ask."""


def make_api(*, behind: Callable[[], Behind], health: Health, policy: GuardPolicy) -> FastAPI:
    """The API. `behind` and `health` are asked at each request: services open after the app was made."""
    # FastAPI's own docs page loads its scripts from a CDN: it stays off.
    app = FastAPI(title="chatapp", docs_url=None, redoc_url=None, openapi_url=None)
    errors.install(app)
    app.include_router(sign_in_routes(behind, policy))
    app.include_router(own_data_routes(behind))
    app.include_router(_signs_of_life(health))
    app.include_router(_index())
    return app


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
