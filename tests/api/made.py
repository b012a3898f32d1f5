"""The API with any services behind it, its routes made once: that takes longer than most tests of it."""

from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from chatapp.api.app import make_api
from chatapp.api.policy import GuardPolicy
from chatapp.domain.health import Report
from chatapp.telemetry.metrics import Metrics

_behind: Final[ContextVar[Any]] = ContextVar("behind")


def api_before(services: Any, policy: GuardPolicy) -> ASGIApp:
    """What is asked there, these services answer; several may be served at the same time."""
    return _before(services, _made(policy))


def _before(services: Any, api: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        _behind.set(services)
        await api(scope, receive, send)

    return app


@cache
def _made(policy: GuardPolicy) -> FastAPI:
    return make_api(behind=_behind.get, health=_nothing_wrong, policy=policy, metrics=Metrics())


async def _nothing_wrong() -> Report:
    return Report(checks={})
