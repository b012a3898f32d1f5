"""The FastAPI app: mounted in front of Reflex, on the same port."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from chatapp.api import errors
from chatapp.api.access_log import NamesRoutes
from chatapp.api.docs import describe, docs_routes
from chatapp.api.health import Health, health_routes
from chatapp.api.metrics import metrics_routes
from chatapp.api.own_data import Archive, own_data_routes
from chatapp.api.policy import GuardPolicy
from chatapp.api.routes.chat import chat_routes
from chatapp.api.routes.finding import Finding, finding_routes
from chatapp.api.routes.messages import Acting, message_routes
from chatapp.api.routes.openai import Completing, openai_routes
from chatapp.api.routes.runs import runs_routes
from chatapp.api.routes.sessions import Keeping, session_routes
from chatapp.api.routes.socket import socket_routes
from chatapp.api.sign_in import Desk, sign_in_routes
from chatapp.api.tokens import Mint, token_routes
from chatapp.domain.errors import NotFound
from chatapp.telemetry.metrics import Metrics

#: Every method that there is.
_ALL: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


class Behind(Desk, Archive, Mint, Keeping, Acting, Finding, Completing, Protocol):
    """The services that the routes ask."""


def make_api(
    *, behind: Callable[[], Behind], health: Health, policy: GuardPolicy, metrics: Metrics
) -> FastAPI:
    """The API. `behind` and `health` are asked at each request: services open after the app was made."""
    # FastAPI's own docs page loads its scripts from a CDN: it stays off, and docs.py has ours.
    app = FastAPI(title="chatapp", docs_url=None, redoc_url=None, openapi_url=None, responses=errors.PROBLEMS)
    app.add_middleware(NamesRoutes)
    errors.install(app)
    routers = [
        sign_in_routes(behind, policy),
        token_routes(behind),
        own_data_routes(behind, policy),
        session_routes(behind),
        chat_routes(behind),
        message_routes(behind),
        runs_routes(behind),
        socket_routes(behind),
        finding_routes(behind),
        health_routes(health),
        docs_routes(),
        metrics_routes(behind, metrics, enabled=policy.metrics),
        openai_routes(behind),
        _index(),
    ]
    for routes in routers:
        app.include_router(routes)
    app.include_router(_nothing_else(routers))
    describe(app)
    return app


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

    return routes


def _nothing_else(routers: Iterable[APIRouter]) -> APIRouter:
    """What is not there is said in the API's own words; the page would answer anything with itself."""
    known = [route for routes in routers for route in routes.routes if isinstance(route, APIRoute)]
    rest = APIRouter()

    @rest.api_route("/api", methods=_ALL, include_in_schema=False)
    @rest.api_route("/api/{rest:path}", methods=_ALL, include_in_schema=False)
    @rest.api_route("/v1", methods=_ALL, include_in_schema=False)
    @rest.api_route("/v1/{rest:path}", methods=_ALL, include_in_schema=False)
    async def nothing_here(request: Request) -> Response:
        """There is nothing, or nothing for this method: then the answer says for which."""
        path: str = request.scope["path"]
        allowed = {
            method for route in known if route.path_regex.match(path) for method in route.methods or ()
        }
        if not allowed:
            raise NotFound("There is nothing here.", advice="GET /api says where to read on.")
        allow = {"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        raise HTTPException(405, f"This takes {allow['Allow']}.", headers=allow)

    return rest
