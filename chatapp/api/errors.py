"""Every error as `application/problem+json` (RFC 9457), with our stable `code`."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chatapp.domain.errors import ChatError, Invalid, NotFound


def problem(*, status: int, code: str, detail: str) -> JSONResponse:
    """The answer for an error."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    # Kept by nobody: the same address may hold something once one has signed in.
    return JSONResponse(
        content,
        status_code=status,
        media_type="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )


def install(app: FastAPI) -> None:
    """Answers for our errors, for FastAPI's, and for those that nobody foresaw."""
    app.add_exception_handler(ChatError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_input)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unforeseen)


async def _of_ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ChatError)
    return problem(status=error.status, code=error.code, detail=error.message)


async def _of_input(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Where it is wrong and why, but not what was sent: it may be a secret in the wrong field.
    wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
    return problem(status=Invalid.status, code=Invalid.code, detail=wrong)


async def _of_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = NotFound.code if error.status_code == NotFound.status else "refused"
    answer = problem(status=error.status_code, code=code, detail=str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    fallback = ChatError()
    return problem(status=fallback.status, code=fallback.code, detail=fallback.message)
