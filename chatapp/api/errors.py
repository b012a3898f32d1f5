"""Every error as `application/problem+json` (RFC 9457), with our stable `code`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from chatapp.api.openai_errors import is_openai, openai_problem, param_of
from chatapp.domain.errors import ChatError, Invalid, NotFound, NotSignedIn
from chatapp.telemetry.exchange import request_id

#: Names of fields, which are in the detail, can be as long as a body.
MAX_DETAIL_CHARS: Final = 1_000
HOW_TO_SIGN_IN: Final = (
    "Send `Authorization: Bearer` with an API key, or with a token from POST /api/token; or log in."
)
#: RFC 9110, section 15.5.2: a 401 says how.
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
PROBLEM_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """What went wrong. `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str


#: What a route may answer besides what it says: for `responses` in the OpenAPI document.
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": what,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, what in {
        "401": "Who asks is not known.",
        "422": "What was sent cannot be used.",
        "429": "Too many calls.",
        "default": "Any other problem.",
    }.items()
}


def refusal(path: str, error: ChatError, **headers: str) -> JSONResponse:
    """The answer to a call of this path for one of our errors."""
    detail = error.message
    if isinstance(error, NotSignedIn):
        detail = f"{error.what} {HOW_TO_SIGN_IN}"
    return problem(path, status=error.status, code=error.code, detail=detail, headers=headers)


def problem(
    path: str,
    *,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> JSONResponse:
    """The answer to a call of this path; every refusal of the API, whoever refuses, is made here."""
    challenge = _CHALLENGE if status == NotSignedIn.status else {}
    # Kept by nobody: the same address may hold something once one has signed in.
    kept = {"Cache-Control": "no-store", **challenge, **(headers or {})}
    # Half a character in the name of a field cannot be sent.
    detail = detail[:MAX_DETAIL_CHARS].encode(errors="replace").decode()
    if is_openai(path):
        return openai_problem(status=status, code=code, detail=detail, headers=kept)
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return JSONResponse(content, status_code=status, media_type=PROBLEM_TYPE, headers=kept)


def install(app: FastAPI) -> None:
    """Answers for our errors, for FastAPI's, and for those that nobody foresaw."""
    app.add_exception_handler(ChatError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_input)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unforeseen)


def in_words(errors: Sequence[Any]) -> str:
    """Where it is wrong and why, but not what was sent: it may be a secret in the wrong field."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in errors[:5])


async def _of_ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ChatError)
    return refusal(request.scope["path"], error)


async def _of_input(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    wrong = in_words(error.errors())
    path = request.scope["path"]
    if is_openai(path):
        return openai_problem(
            status=HTTPStatus.BAD_REQUEST, code=Invalid.code, detail=wrong, param=param_of(error)
        )
    return problem(path, status=Invalid.status, code=Invalid.code, detail=wrong)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    if error.status_code == HTTPStatus.BAD_REQUEST and error.__cause__ is not None:
        # JSON that Python will not read: nested too deeply, or a number of 5,000 digits.
        return problem(path, status=Invalid.status, code=Invalid.code, detail="body: This cannot be read.")
    code = NotFound.code if error.status_code == NotFound.status else "refused"
    return problem(path, status=error.status_code, code=code, detail=str(error.detail), headers=error.headers)


async def _unforeseen(request: Request, _error: Exception) -> JSONResponse:
    return unforeseen(request.scope["path"])


def unforeseen(path: str) -> JSONResponse:
    """The answer when something failed that nobody foresaw: it says by which name the log tells more."""
    name = request_id()
    advice = f"{ChatError.advice} The log of the server knows more of request {name}." if name else None
    return refusal(path, ChatError(advice=advice))
