"""Errors as OpenAI's API writes them, so that its SDKs raise the right exception."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from chatapp.domain.errors import (
    ContextTooLong,
    KeyReused,
    ProviderRefused,
    ProviderSetup,
    UnknownModel,
)

PATH: Final = "/v1"
#: Statuses, and codes, that clients of OpenAI know by another name than ours.
_STATUSES: Final = {UnknownModel.code: 404, ProviderRefused.code: 400, ContextTooLong.code: 400}
_CODES: Final = {
    UnknownModel.code: "model_not_found",
    ContextTooLong.code: "context_length_exceeded",
    "bad_token": "invalid_api_key",
    "not_signed_in": "invalid_api_key",
    "too_many": "rate_limit_exceeded",
}
_PARAMS: Final = {UnknownModel.code: "model", ContextTooLong.code: "messages"}
_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
#: What would be refused again. OpenAI's SDKs heed this header, and would try again by the status alone.
_FINAL: Final = frozenset({ProviderSetup.code, KeyReused.code})
NO_RETRY: Final = {"X-Should-Retry": "false"}


def is_openai(path: str) -> bool:
    """Whether calls of this path are in OpenAI's manner."""
    return path == PATH or path.startswith(f"{PATH}/")


def error_object(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """The error of one of our codes, as it is in a body and in a stream."""
    status = _STATUSES.get(code, status)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": param or _PARAMS.get(code),
            "code": _CODES.get(code, code),
        }
    }


def openai_problem(
    *,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    param: str | None = None,
) -> JSONResponse:
    """The answer for an error."""
    return JSONResponse(
        error_object(status, code, detail, param),
        status_code=_STATUSES.get(code, status),
        headers={"Cache-Control": "no-store", **(headers or {}), **(NO_RETRY if code in _FINAL else {})},
    )


def param_of(error: RequestValidationError) -> str | None:
    """The field that is wrong: `messages.0.content`."""
    places = [one["loc"] for one in error.errors()[:1]]
    return ".".join(str(part) for place in places for part in place[1:] if part != "body") or None
