"""Saying something and waiting for the whole reply."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from chatapp.api.errors import problem
from chatapp.api.routes.asked import CLIENT_GONE, Asker, own_routes
from chatapp.api.routes.saying import Answering, say
from chatapp.api.schemas.chat import ChatAnswer, ChatRequest
from chatapp.api.streaming import while_there
from chatapp.domain.errors import status_of
from chatapp.domain.messages import Message
from chatapp.domain.runs import Turn


def chat_routes(behind: Callable[[], Answering]) -> APIRouter:
    """The routes; `behind` is asked at each request: services open after the app was made."""
    routes = own_routes("chat")

    @routes.post("/api/chat", response_model=ChatAnswer)
    async def chat(asker: Asker, request: Request, said: ChatRequest) -> ChatAnswer | Response:
        """Say something, and wait for the whole reply.

        It goes on when the client goes away, and is had by the same `client_key` again. A reply that fails is
        a problem with the failure's code; then `response` has its text so far. The wait has no limit of its
        own: a reply ends by its length (`MAX_REPLY_TOKENS`), or when its model is silent for too long
        (`STREAM_IDLE_TIMEOUT`).
        """
        turn = await say(behind(), asker, said, session_id=said.session_id)
        reply = await while_there(request.receive, behind().runs.message(asker, turn.run_id))
        if reply is None:
            return Response(status_code=CLIENT_GONE)
        if reply.failure is not None:
            return _failed(request, turn, reply)
        return ChatAnswer.of(turn, reply)

    return routes


def _failed(request: Request, turn: Turn, reply: Message) -> Response:
    """What a program needs to say what happened, to show what there is, and to try again."""
    assert reply.failure is not None
    return problem(
        request.scope["path"],
        status=status_of(reply.failure.code),
        code=reply.failure.code,
        detail=reply.failure.message,
        session_id=turn.conversation_id,
        message_id=turn.message_id,
        user_message_id=turn.user_message_id,
        run_id=turn.run_id,
        response=reply.text,
    )
