"""What every route of one's own things begins with."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from chatapp.api.asking import asker
from chatapp.domain.accounts import Principal

#: nginx's word for it. Nobody reads the answer; the access log does.
CLIENT_GONE: Final = 499


async def _who(request: Request) -> Principal:
    return asker(request)


async def _kept_by_nobody(response: Response) -> None:
    """Neither by the browser nor by a proxy: it is somebody's own, and changes."""
    response.headers["Cache-Control"] = "no-store"


#: Who asks. It is found out before the body is looked at: whoever is not signed in learns nothing else.
Asker = Annotated[Principal, Depends(_who)]


def own_routes(tag: str) -> APIRouter:
    """Routes about what is somebody's own."""
    return APIRouter(tags=[tag], dependencies=[Depends(_kept_by_nobody)])
