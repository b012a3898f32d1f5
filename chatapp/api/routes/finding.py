"""What there is, what was said, and what was used."""

from collections.abc import Callable
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query

from chatapp.api.routes.asked import Asker, own_routes
from chatapp.api.schemas.finding import AgentInfo, AgentList, Found, Hits, ModelInfo, Models, Used
from chatapp.domain.errors import NoModel
from chatapp.services.agents import Agents
from chatapp.services.models import ModelsService
from chatapp.services.search import MAX_QUERY_CHARS, Search
from chatapp.services.usage import UsageService

MAX_HITS: Final = 100
MAX_DAYS: Final = 366


class Finding(Protocol):
    """What is asked."""

    @property
    def search(self) -> Search:
        """For what was said."""
        ...

    @property
    def models(self) -> ModelsService:
        """For models."""
        ...

    @property
    def agents(self) -> Agents:
        """For agents."""
        ...

    @property
    def usage(self) -> UsageService:
        """For what it took."""
        ...


def finding_routes(behind: Callable[[], Finding]) -> APIRouter:
    """The routes; `behind` is asked at each request: services open after the app was made."""
    routes = own_routes("finding")
    _add_search(routes, behind)
    _add_offers(routes, behind)
    return routes


def _add_search(routes: APIRouter, behind: Callable[[], Finding]) -> None:
    @routes.get("/api/search")
    async def search(
        asker: Asker,
        q: Annotated[
            str, Query(max_length=MAX_QUERY_CHARS, description="Words; the last one may be a beginning.")
        ],
        limit: Annotated[int, Query(ge=1, le=MAX_HITS)] = 30,
    ) -> Hits:
        """Titles, and messages of all branches, that have all the words. Case and accents do not matter."""
        hits = await behind().search.find(asker, q, limit=limit)
        return Hits(hits=[Found.of(hit) for hit in hits])

    @routes.get("/api/usage")
    async def usage(asker: Asker, days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 30) -> Used:
        """Replies and tokens by day (UTC) and model; a reply counts on the day on which it ended."""
        return Used.of(days, await behind().usage.used(asker, days=days))


def _add_offers(routes: APIRouter, behind: Callable[[], Finding]) -> None:
    @routes.get("/api/models")
    async def models(_: Asker) -> Models:
        """The models that can be asked."""
        offered = await behind().models.offered()
        try:
            default = (await behind().models.default()).id
        except NoModel:
            default = ""
        return Models(models=[ModelInfo.of(one, default=one.id == default) for one in offered])

    @routes.get("/api/agents")
    async def agents(_: Asker) -> AgentList:
        """The agents that a conversation can be had with."""
        offered = behind().agents.offered()
        return AgentList(
            agents=[
                AgentInfo(id=one.id, name=one.name, description=one.description, default=one is offered[0])
                for one in offered
            ]
        )
