"""What programs read: the document says what they meet, and nothing of it is fetched from elsewhere."""

import warnings
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI

from chatapp.api.app import make_api
from chatapp.telemetry.metrics import Metrics
from tests.api.front_door import LOCAL, Desk, desk

__all__ = ["desk"]

JSON = "application/json"
PROBLEM = {"$ref": "#/components/schemas/Problem"}
#: What OpenAI's clients know.
OPENAI = ("application/json", {"$ref": "#/components/schemas/OpenAIProblem"})


def api() -> FastAPI:
    async def well() -> dict[str, bool | str]:
        return {}

    def nobody() -> Any:
        raise AssertionError("nobody is asked")

    return make_api(behind=nobody, health=well, policy=LOCAL, metrics=Metrics())


@cache
def document() -> dict[str, Any]:
    """What programs read; nobody here changes it."""
    with warnings.catch_warnings():
        # Two calls of one name would be one function of a client that is made from this.
        warnings.simplefilter("error")
        return api().openapi()


CALLS = sorted((path, method) for path, calls in document()["paths"].items() for method in calls)


def test_what_programs_call_is_in_it() -> None:
    assert {("/api/token", "post"), ("/api/export", "get"), ("/api/login", "post")} <= set(CALLS)
    assert {path.split("/")[1] for path, _ in CALLS} <= {"api", "v1"}


@pytest.mark.parametrize(("path", "method"), CALLS)
def test_every_call_says_what_it_does_who_may_and_how_it_refuses(path: str, method: str) -> None:
    found = document()["paths"][path][method]
    assert found["description"]
    assert {name for one in found["security"] for name in one} == {"bearer", "cookie"}
    kind, shape = OPENAI if path.startswith("/v1/") else ("application/problem+json", PROBLEM)
    for status in ("401", "422", "429", "default"):
        content = found["responses"][status]["content"]
        assert content == {kind: {"schema": shape}}


@pytest.mark.parametrize(("path", "method"), CALLS)
def test_what_is_sent_and_answered_has_an_example(path: str, method: str) -> None:
    whole = document()
    call = whole["paths"][path][method]
    said = [call.get("requestBody", {}), *(call["responses"][one] for one in call["responses"] if one < "3")]
    shapes = [one["content"][JSON] for one in said if JSON in one.get("content", {})]
    for shape in shapes:
        # A bare object has no fields that could be explained.
        assert shape["schema"].get("type") == "object" or _has_example(shape, whole)
    if path == "/v1/chat/completions":
        assert all(_has_example(shape, whole) for shape in shapes)


def _has_example(of: Any, whole: Any) -> bool:
    """Its own, or one of its parts'."""
    if isinstance(of, dict):
        if "example" in of or "examples" in of:
            return True
        if "$ref" in of:
            return _has_example(whole["components"]["schemas"][of["$ref"].rpartition("/")[2]], whole)
        return any(_has_example(part, whole) for part in of.values())
    return isinstance(of, list) and any(_has_example(part, whole) for part in of)


def test_what_it_refers_to_is_there() -> None:
    whole = document()
    found = whole["components"]["schemas"]
    assert "HTTPValidationError" not in found
    for name in _references(whole):
        assert name.removeprefix("#/components/schemas/") in found


def _references(of: Any) -> set[str]:
    if isinstance(of, dict):
        own = {of["$ref"]} if "$ref" in of else set[str]()
        return own.union(*map(_references, of.values()))
    return set[str]().union(*map(_references, of)) if isinstance(of, list) else set()


async def test_everybody_may_read_it(desk: Desk) -> None:
    client = desk.program()
    assert (await client.get("/api/openapi.json")).json()["info"]["title"] == "chatapp"
    page = await client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text
    for name, kind in (("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")):
        answer = await client.get(f"/api/docs/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert len(answer.content) > 100_000
    assert (await client.get("/api/docs/else.js")).status_code == 404
