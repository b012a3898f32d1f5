"""Where programs get their tokens."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from chatapp.api.asking import TOKEN, asker
from chatapp.api.handshake import bearer_of
from chatapp.domain.credentials import MAX_NAME_CHARS
from chatapp.services.tokens import Tokens

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class Mint(Protocol):
    """Where tokens come from."""

    @property
    def tokens(self) -> Tokens:
        """Makes and renews them."""
        ...


class TokenRequest(BaseModel):
    """Who wants one. A renewal needs no name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=4 * MAX_NAME_CHARS, examples=["Ann"])] = ""


class TokenAnswer(BaseModel):
    """A token, whose it is, and how long it is good."""

    token: Annotated[str, Field(examples=["t1.QW5u…"])]
    name: Annotated[str, Field(examples=["Ann"])]
    expires_at: datetime


#: FastAPI knows one kind of body for a route; this one takes three.
_BODIES: Final[dict[str, Any]] = {
    "requestBody": {
        "content": {
            kind: {"schema": {"$ref": "#/components/schemas/TokenRequest"}}
            for kind in ("application/json", *_FORMS)
        }
    }
}


def token_routes(mint: Callable[[], Mint]) -> APIRouter:
    """The route; `mint` is asked at each call: services open after the app was made."""
    routes = APIRouter()

    @routes.post(TOKEN, openapi_extra=_BODIES)
    async def token(request: Request) -> TokenAnswer:
        """Become a guest of this name, for as long as the token is good. With a token that holds: another one
        for the same guest."""
        given = await _given(request)
        if bearer_of(request.scope) is not None:
            issued = await mint().tokens.renew(asker(request))
        else:
            issued = mint().tokens.issue(given.name)
        return TokenAnswer(token=issued.token, name=issued.name, expires_at=issued.expires_at)

    return routes


async def _given(request: Request) -> TokenRequest:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind in _FORMS:
            async with request.form(max_files=0, max_fields=10) as form:
                return TokenRequest.model_validate(dict(form))
        body = await request.body()
        if kind and kind != "application/json":
            raise HTTPException(415, "This takes JSON or a form.")
        return TokenRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from error
