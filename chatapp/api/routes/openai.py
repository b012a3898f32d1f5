"""OpenAI's API, as far as chat goes: its SDKs work with our address and a token or API key of ours."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Header, Response

from chatapp.api.completing import Asked, CompletionAnswer
from chatapp.api.encoders.openai import OpenAIEncoder
from chatapp.api.errors import PROBLEMS
from chatapp.api.routes.asked import Asker, own_routes
from chatapp.api.routes.saying import Answering
from chatapp.api.schemas.openai import CompletionRequest, ModelEntries, ModelEntry, OpenAIProblem
from chatapp.domain.accounts import Principal
from chatapp.domain.errors import Invalid, UnknownModel
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Role
from chatapp.domain.runs import Turn
from chatapp.services.models import ModelsService

#: One for the whole process each: readers of one run share what was encoded.
_PLAIN: Final = OpenAIEncoder()
_WITH_USAGE: Final = OpenAIEncoder(with_usage=True)
_OWNED_BY: Final = "chatapp"


class Completing(Answering, Protocol):
    """What answers are made of."""

    @property
    def models(self) -> ModelsService:
        """Who answers."""
        ...


def openai_routes(behind: Callable[[], Completing]) -> APIRouter:
    """The routes; `behind` is asked at each request: services open after the app was made."""
    routes = own_routes("OpenAI-compatible")

    @routes.get("/v1/models", responses=_ERRORS)
    async def models(_: Asker) -> ModelEntries:
        """The models and agents that can be asked."""
        return ModelEntries(data=await _offered(behind()))

    @routes.get("/v1/models/{model_id:path}", responses=_ERRORS)
    async def model(model_id: str, _: Asker) -> ModelEntry:
        """One of them."""
        found = next((one for one in await _offered(behind()) if one.id == model_id), None)
        if found is None:
            raise UnknownModel
        return found

    @routes.post("/v1/chat/completions", responses=_ANSWERS | _ERRORS, response_class=Response)
    async def complete(
        body: CompletionRequest,
        principal: Asker,
        session_id: Annotated[str | None, Header(alias="X-Session-Id")] = None,
        key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
    ) -> Response:
        """Answers a list of messages, which is forgotten then; or a message in a conversation that is named
        with `X-Session-Id`, or `session_id` in the metadata. With an `Idempotency-Key` it is made to its end
        even if nobody waits, and the same request again gets the same answer."""
        services = behind()
        named = _named(body, session_id)
        turn = await _begun(services, body, principal, named, key or new_id())
        asked = Asked(
            run=await services.runs.run(principal, turn.run_id),
            principal=principal,
            for_now=named is None and key is None,
        )
        encoder = (_WITH_USAGE if body.with_usage else _PLAIN) if body.stream else None
        headers = {"X-Run-Id": turn.run_id} | ({"X-Session-Id": named} if named else {})
        return CompletionAnswer(services.runs, asked, encoder, headers=headers)

    return routes


async def _offered(services: Completing) -> list[ModelEntry]:
    agents = [ModelEntry(id=agent.id, owned_by=_OWNED_BY) for agent in services.agents.offered()]
    models = [ModelEntry(id=model.id, owned_by=model.provider) for model in await services.models.offered()]
    return agents + models


def _named(body: CompletionRequest, header: str | None) -> str | None:
    """The conversation that a request names."""
    names = {name for name in (header, body.session_id) if name is not None}
    if len(names) > 1:
        raise Invalid("X-Session-Id and the session_id of the metadata are not the same.")
    return next(iter(names), None)


async def _begun(
    services: Completing, body: CompletionRequest, principal: Principal, named: str | None, key: str
) -> Turn:
    is_agent = any(agent.id == body.model for agent in services.agents.offered())
    model = "" if is_agent else body.model
    if not model and not is_agent:
        raise UnknownModel("The model is not named.")
    messages = body.conversation()
    if named is None:
        return await services.turns.answer_once(
            principal, messages=messages, client_key=key, model=model, options=body.options(system="")
        )
    if messages and messages[-1].role is not Role.USER:
        raise Invalid("In a conversation, the last message of the list is the user's.")
    return await services.turns.send(
        principal,
        conversation_id=named,
        text=body.last_said(),
        client_key=key,
        model=model,
        options=body.options(system=None),
    )


_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": "An error in OpenAI's shape.", "model": OpenAIProblem} for status in PROBLEMS
}
_EXAMPLE: Final = {
    "id": "chatcmpl-16fd2706838b4b9d9f6f0c2c3d4e5f60",
    "object": "chat.completion",
    "created": 1795294500,
    "model": "scripted:support",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "We are open Monday to Friday.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The answer: one object, or with `stream` chunks as server-sent events.",
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": _EXAMPLE},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}
