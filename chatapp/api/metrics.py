"""`GET /metrics`: for this machine and for admins; for everybody else there is nothing at this address."""

from collections.abc import Callable
from typing import Protocol

from fastapi import APIRouter, Request, Response

from chatapp.api.asking import anybody
from chatapp.api.this_machine import from_this_machine
from chatapp.domain.errors import NotFound
from chatapp.services.accounts import Accounts
from chatapp.telemetry.metrics import Metrics


class Admitting(Protocol):
    """Who knows who is an admin."""

    @property
    def accounts(self) -> Accounts:
        """Is asked."""
        ...


def metrics_routes(behind: Callable[[], Admitting], metrics: Metrics, *, enabled: bool) -> APIRouter:
    """The route. `behind` is asked at each call: services open after the app was made."""
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def numbers(request: Request) -> Response:
        """All numbers, in Prometheus' format or OpenMetrics'."""
        if not enabled:
            raise NotFound
        if not from_this_machine(request.scope):
            if (principal := anybody(request)) is None:
                raise NotFound
            await behind().accounts.require_admin(principal)
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return routes
