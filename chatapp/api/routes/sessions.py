"""Conversations, which the API calls sessions, as its clients do."""

from collections.abc import Callable
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query, Response

from chatapp.api.routes.asked import Asker, own_routes
from chatapp.api.schemas.sessions import (
    Deleted,
    History,
    NewSession,
    SessionChange,
    SessionInfo,
    SessionPage,
    cursor_after,
    place_of,
)
from chatapp.services.agents import Agents
from chatapp.services.conversations import Conversations, Listed

#: Of one answer. What is longer is asked for in parts, from its end.
MAX_HISTORY: Final = 1_000
MAX_PAGE: Final = 200


class Keeping(Protocol):
    """Where conversations are."""

    @property
    def conversations(self) -> Conversations:
        """All of them; each call asks whose."""
        ...

    @property
    def agents(self) -> Agents:
        """With whom they can be had."""
        ...


def session_routes(behind: Callable[[], Keeping]) -> APIRouter:
    """The routes; `behind` is asked at each request: services open after the app was made."""
    routes = own_routes("sessions")
    _add_list(routes, behind)
    _add_one(routes, behind)
    return routes


def _add_list(routes: APIRouter, behind: Callable[[], Keeping]) -> None:
    @routes.post(
        "/api/sessions",
        status_code=201,
        responses={200: {"model": SessionInfo, "description": "It was there already, and stays as it is."}},
    )
    async def create(asker: Asker, answer: Response, new: NewSession | None = None) -> SessionInfo:
        """Begin a conversation. The same id again is the same conversation."""
        new = new or NewSession()
        behind().agents.chosen(new.agent)
        conversation, is_new = await behind().conversations.create(
            asker, conversation_id=new.session_id, title=new.title or "", model=new.model
        )
        answer.headers["Location"] = f"/api/sessions/{conversation.id}"
        if is_new:
            return SessionInfo.of(Listed(conversation=conversation, generating=False))
        answer.status_code = 200
        return SessionInfo.of(await behind().conversations.get(asker, conversation.id))

    @routes.get("/api/sessions")
    async def page(
        asker: Asker,
        archived: Annotated[bool, Query(description="Those in the archive, or those that are not.")] = False,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: Annotated[
            str | None, Query(max_length=200, description="`next_cursor` of the page before.")
        ] = None,
    ) -> SessionPage:
        """All conversations, the newest first, page by page: whatever happens meanwhile, each is on one."""
        listing = await behind().conversations.page(
            asker, after=place_of(cursor) if cursor is not None else None, archived=archived, limit=limit
        )
        items = listing.items
        return SessionPage(
            sessions=[SessionInfo.of(one) for one in items],
            next_cursor=cursor_after(items[-1].conversation) if listing.has_more else None,
        )


def _add_one(routes: APIRouter, behind: Callable[[], Keeping]) -> None:
    @routes.get("/api/sessions/{session_id}")
    async def get(asker: Asker, session_id: str) -> SessionInfo:
        """A conversation, without its messages."""
        return SessionInfo.of(await behind().conversations.get(asker, session_id))

    @routes.get("/api/sessions/{session_id}/history")
    async def history(
        asker: Asker,
        session_id: str,
        limit: Annotated[int, Query(ge=1, le=MAX_HISTORY)] = MAX_HISTORY,
        before: Annotated[
            str | None, Query(max_length=64, description="A message: those that come before it.")
        ] = None,
    ) -> History:
        """The branch that is shown, the oldest message first. Of a long one its end: `before` of the answer
        asks for the rest."""
        conversations = behind().conversations
        return History.of(await conversations.history(asker, session_id, limit=limit, before=before))

    @routes.patch("/api/sessions/{session_id}")
    async def change(asker: Asker, session_id: str, wanted: SessionChange) -> SessionInfo:
        """Give it another title, pin it, or put it into the archive."""
        conversations = behind().conversations
        await conversations.change(
            asker, session_id, title=wanted.title, pinned=wanted.pinned, archived=wanted.archived
        )
        return SessionInfo.of(await conversations.get(asker, session_id))

    @routes.delete("/api/sessions/{session_id}")
    async def delete(asker: Asker, session_id: str) -> Deleted:
        """Stop its replies and take it out of sight; it is removed for good a few minutes later."""
        await behind().conversations.delete(asker, session_id)
        return Deleted(session_id=session_id)
