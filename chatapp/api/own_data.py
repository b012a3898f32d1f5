"""What somebody takes along."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from chatapp.api.asking import asker
from chatapp.api.policy import GuardPolicy
from chatapp.api.sign_in import visit_of
from chatapp.services.own_data import OwnData

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"format": "chatapp-export", "version": 1, "account": {}, "conversations": []},
            }
        },
    }
}


class Archive(Protocol):
    """Where all that somebody has comes from."""

    @property
    def own_data(self) -> OwnData:
        """Writes it down."""
        ...


def own_data_routes(archive: Callable[[], Archive], policy: GuardPolicy) -> APIRouter:
    """The routes; `archive` is asked at each request: services open after the app was made."""
    routes = APIRouter()

    @routes.get("/api/export", responses=_ANSWERS)
    async def export(request: Request) -> StreamingResponse:
        """All conversations with all their branches, as a file; docs/data.md has its shape."""
        address = visit_of(request, policy).address
        pieces = archive().own_data.export(asker(request), address=address)
        # Refusals come with the first piece, before the answer has begun.
        first = await anext(pieces)
        name = f"chatapp-{datetime.now(UTC):%Y-%m-%d}.json"
        return StreamingResponse(
            _with(first, pieces),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    return routes


async def _with(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
