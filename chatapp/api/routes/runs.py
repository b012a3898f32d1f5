"""Replies being made: asking for one, reading it from any point, stopping it."""

from collections.abc import AsyncGenerator, Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from chatapp.api.encoders.base import Encoder
from chatapp.api.encoders.sse import SseEncoder
from chatapp.api.routes.asked import Asker, own_routes
from chatapp.api.routes.saying import Answering, say
from chatapp.api.schemas.chat import ChatRequest
from chatapp.api.schemas.runs import RunAnswer
from chatapp.api.streaming import STREAMED, RunStream
from chatapp.domain.accounts import Principal
from chatapp.services.runs import Item, RunInfo, Runs

#: A cursor is the seq of the last event that one has.
Cursor = Annotated[int, Query(ge=0, lt=10**18, description="Go on after this id.")]
LastEventId = Annotated[
    str | None,
    Header(pattern="^[0-9]{0,18}$", description="The same, as a browser's EventSource says it; it wins."),
]


def runs_routes(behind: Callable[[], Answering]) -> APIRouter:
    """The routes; `behind` is asked at each request: services open after the app was made."""
    routes = own_routes("runs")
    encoder = SseEncoder()
    _add_stream(routes, behind, encoder)

    @routes.get("/api/runs/{run_id}", response_model=RunAnswer)
    async def one(asker: Asker, run_id: str) -> RunAnswer:
        """How far a reply is."""
        return RunAnswer.of(await behind().runs.run(asker, run_id))

    @routes.get("/api/runs/{run_id}/events", response_class=Response, responses=STREAMED)
    async def events(
        asker: Asker, run_id: str, after: Cursor = 0, last_event_id: LastEventId = None
    ) -> RunStream:
        """The reply as server-sent events, from the start or after a cursor; `id` is the cursor. One that has
        ended is replayed."""
        cursor = int(last_event_id) if last_event_id else after
        run, first, items = await _opened(behind().runs, asker, run_id, cursor)
        return RunStream(run, first, items, encoder)

    @routes.post("/api/runs/{run_id}/cancel", status_code=202, response_model=RunAnswer)
    async def cancel(asker: Asker, run_id: str) -> RunAnswer:
        """Ends the making of a reply, at the model's server too; its text so far stays."""
        runs = behind().runs
        await runs.cancel(asker, run_id)
        return RunAnswer.of(await runs.run(asker, run_id))

    return routes


def _add_stream(routes: APIRouter, behind: Callable[[], Answering], encoder: Encoder) -> None:
    @routes.post("/api/chat/stream", response_class=Response, responses=STREAMED)
    async def stream(asker: Asker, said: ChatRequest) -> RunStream:
        """Says something and streams the reply, as `GET /api/runs/{run_id}/events` does. Leaving does not
        stop the reply: come back to that address."""
        services = behind()
        turn = await say(services, asker, said, session_id=said.session_id)
        run, first, items = await _opened(services.runs, asker, turn.run_id, 0)
        return RunStream(run, first, items, encoder)


async def _opened(
    runs: Runs, principal: Principal, run_id: str, after: int
) -> tuple[RunInfo, Item, AsyncGenerator[Item]]:
    """The run, and the first and the other items for a reader: all that can be refused is refused now."""
    run = await runs.run(principal, run_id)
    items = runs.events(principal, run_id, after=after)
    return run, await anext(items), items
