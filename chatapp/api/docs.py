"""What programs read before they call: the OpenAPI document, and a page that draws it. Both work offline."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

import chatapp
from chatapp.api.asking import TOKEN
from chatapp.api.errors import HOW_TO_SIGN_IN, PROBLEM_TYPE, Problem
from chatapp.api.handshake import COOKIE
from chatapp.api.openai_errors import is_openai
from chatapp.api.schemas.openai import OpenAIProblem
from chatapp.api.tokens import TokenRequest

#: No login is wanted there.
OPEN_CALLS: Final = frozenset({"/api", "/api/live", "/api/ready", "/api/health", "/api/login", TOKEN})
ABOUT: Final = f"""Everything that a person can do on the page, a program can do here.

{HOW_TO_SIGN_IN} API keys are made on the settings page.

Every answer says what is left of one's share of calls: `X-RateLimit-Limit`, `X-RateLimit-Remaining`,
`X-RateLimit-Reset` (unix time); a call too many is 429 with `Retry-After`. Problems are
`application/problem+json` (RFC 9457); their `code` is stable. Each answer has an `X-Request-ID`.
"""
_LOGINS: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token from POST /api/token.",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "As the page has it."},
}
#: The package has the files of Swagger UI, so that nobody loads a script from elsewhere.
_STATIC: Final = files("fastapi_offline") / "static"
_FILES: Final = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · chatapp</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
#: In a file of its own: the page's policy allows no script within it.
_START: Final = """SwaggerUIBundle({
  url: "/api/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
});
"""


def docs_routes() -> APIRouter:
    """Open to everybody: what there is, is no secret."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/openapi.json")
    async def openapi(request: Request) -> JSONResponse:
        """The document."""
        return JSONResponse(request.app.openapi())

    @routes.get("/api/docs")
    async def page() -> HTMLResponse:
        """The page."""
        return HTMLResponse(_PAGE)

    @routes.get("/api/docs/start.js")
    async def start() -> Response:
        """Begins to draw it."""
        return Response(_START, media_type="text/javascript")

    for name, kind in _FILES.items():
        routes.add_api_route(f"/api/docs/{name}", _file(name, kind), methods=["GET"])
    return routes


def _file(name: str, kind: str) -> Any:
    with as_file(_STATIC / name) as found:
        path = Path(found)

    async def send() -> FileResponse:
        return FileResponse(path, media_type=kind, headers={"Cache-Control": "public, max-age=86400"})

    return send


def describe(app: FastAPI) -> None:
    """Makes the app's OpenAPI document what its programs meet: who may call, and how a refusal looks."""
    app.version, app.description = chatapp.__version__, ABOUT
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            parts = document.setdefault("components", {})
            parts["securitySchemes"] = _LOGINS
            for model in (Problem, TokenRequest):
                parts.setdefault("schemas", {})[model.__name__] = model.model_json_schema()
            for path, calls in document["paths"].items():
                for call in calls.values():
                    call["security"] = _who(path)
                    if is_openai(path):
                        _in_its_manner(call["responses"])
                    for answer in call["responses"].values():
                        if (stream := answer.get("content", {}).get("text/event-stream")) is not None:
                            # It is no text to who reads it: each event is one of its own.
                            stream.pop("schema", None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # as FastAPI's documentation says


def _in_its_manner(responses: dict[str, Any]) -> None:
    """What OpenAI's clients expect is refused in another form: `errors.problem` does so."""
    for answer in responses.values():
        if answer.get("content", {}).pop(PROBLEM_TYPE, None) is not None:
            schema = {"$ref": f"#/components/schemas/{OpenAIProblem.__name__}"}
            answer["content"].setdefault("application/json", {"schema": schema})


def _who(path: str) -> list[dict[str, list[str]]]:
    some: list[dict[str, list[str]]] = [{name: []} for name in _LOGINS]
    return [{}, *some] if path in OPEN_CALLS else some
