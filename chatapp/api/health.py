"""Signs of life, for balancers and monitors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from chatapp.api.this_machine import from_this_machine
from chatapp.domain.errors import Unavailable
from chatapp.domain.health import Report

logger = logging.getLogger(__name__)

#: An answer about health comes within 5 s, whatever hangs behind it.
HEALTH_TIMEOUT: Final = timedelta(seconds=4)
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"

_WELL: Final = {"database": True, "queue": True, "worker": True, "providers": True}
_EXAMPLE: Final = {"status": HEALTHY, "checks": _WELL, "details": {"worker": "this process"}}
_FULL: Final = {**_EXAMPLE, "status": UNHEALTHY, "checks": {**_WELL, "database": "the disk is full"}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {"example": _EXAMPLE}}},
    503: {
        "description": "Something does not work; its check says what is wrong in a few words.",
        "content": {"application/json": {"example": _FULL}},
    },
}

#: Tells how everything is.
Health = Callable[[], Awaitable[Report]]


def health_routes(health: Health) -> APIRouter:
    """The routes. `health` is asked at each call: services open after the app was made. Some monitors ask for
    the head alone."""
    routes = APIRouter()

    @routes.head("/api/live", include_in_schema=False)
    @routes.get("/api/live")
    async def live() -> dict[str, object]:
        """The process answers."""
        return {"status": HEALTHY, "checks": {}}

    @routes.head("/api/health", include_in_schema=False)
    @routes.get("/api/health", responses=_ANSWERS)
    @routes.head("/api/ready", include_in_schema=False)
    @routes.get("/api/ready", responses=_ANSWERS)
    async def ready(request: Request) -> JSONResponse:
        """Everything behind it works; 503 when not. Never an exception, never longer than 5 s. `details` are
        for whoever asks on this machine; nobody else has to know what its processes are called."""
        report = await _report(health)
        details: Mapping[str, str] = report.details if from_this_machine(request.scope) else {}
        content = {
            "status": HEALTHY if report.good else UNHEALTHY,
            "checks": report.checks,
            "details": details,
        }
        status = 200 if report.good else Unavailable.status
        return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})

    return routes


async def _report(health: Health) -> Report:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT.total_seconds()):
            return await health()
    except TimeoutError:
        return Report(checks={"services": "no answer"})
    except Unavailable:
        return Report(checks={"services": "starting or stopping"})
    except Exception:
        logger.exception("health could not be checked")
        return Report(checks={"services": "failed"})
