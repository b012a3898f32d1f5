"""What is done to a message: each makes another version of it, and the original stays."""

from collections.abc import Callable
from typing import Protocol

from fastapi import APIRouter, Response

from chatapp.api.routes.asked import Asker, own_routes
from chatapp.api.schemas.messages import (
    Begun,
    Continue,
    Edit,
    FeedbackGiven,
    FeedbackKept,
    Regenerate,
)
from chatapp.api.schemas.sessions import FeedbackInfo
from chatapp.domain.runs import Turn
from chatapp.services.feedback import FeedbackService
from chatapp.services.turns import Turns


class Acting(Protocol):
    """What is asked to do it."""

    @property
    def turns(self) -> Turns:
        """Makes replies."""
        ...

    @property
    def feedback(self) -> FeedbackService:
        """Keeps what is thought of them."""
        ...


def message_routes(behind: Callable[[], Acting]) -> APIRouter:
    """The routes; `behind` is asked at each request: services open after the app was made."""
    routes = own_routes("messages")
    _add_turns(routes, behind)

    @routes.post("/api/messages/{message_id}/feedback")
    async def feedback(asker: Asker, message_id: str, given: FeedbackGiven) -> FeedbackKept:
        """Say what you think of a reply that has ended, in place of what you said before."""
        kept = await behind().feedback.give(
            asker, message_id=message_id, value=given.value, comment=given.comment
        )
        return FeedbackKept(message_id=message_id, feedback=FeedbackInfo.of(kept) if kept else None)

    return routes


def _add_turns(routes: APIRouter, behind: Callable[[], Acting]) -> None:
    """None of these waits for the reply: `events` of the answer is where it can be read while it is made."""

    @routes.post("/api/messages/{message_id}/edit", status_code=202)
    async def edit(asker: Asker, message_id: str, answer: Response, wanted: Edit) -> Begun:
        """Say it in other words: another version of your message, and a reply to it."""
        turn = await behind().turns.edit(
            asker,
            message_id=message_id,
            text=wanted.message,
            client_key=wanted.key,
            model=wanted.model,
        )
        return _begun(turn, answer)

    @routes.post("/api/messages/{message_id}/regenerate", status_code=202)
    async def regenerate(
        asker: Asker, message_id: str, answer: Response, wanted: Regenerate | None = None
    ) -> Begun:
        """Another reply to the same message, beside this one."""
        wanted = wanted or Regenerate()
        turn = await behind().turns.regenerate(
            asker, message_id=message_id, client_key=wanted.key, model=wanted.model
        )
        return _begun(turn, answer)

    @routes.post("/api/messages/{message_id}/continue", status_code=202)
    async def go_on(asker: Asker, message_id: str, answer: Response, wanted: Continue | None = None) -> Begun:
        """A reply that begins with the text of this one and goes on from there."""
        wanted = wanted or Continue()
        turn = await behind().turns.continue_reply(asker, message_id=message_id, client_key=wanted.key)
        return _begun(turn, answer)


def _begun(turn: Turn, answer: Response) -> Begun:
    begun = Begun.of(turn)
    answer.headers["Location"] = begun.events
    return begun
