"""A built page has one address, and its query comes along."""

import pytest

from chatapp.api.pages import Pages


@pytest.mark.parametrize(
    ("path", "served"), [("/login", "/login/"), ("/login/", "/login/"), ("/", "/"), ("/c/1", "/c/1")]
)
async def test_a_page_is_served_without_a_detour(path: str, served: str) -> None:
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append((scope["path"], scope["query_string"]))

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    scope = {"type": "http", "path": path, "raw_path": path.encode(), "query_string": b"next=/c/1"}
    await Pages(app, paths={"/login"})(scope, nothing, nothing)  # pyright: ignore
    assert seen == [(served, b"next=/c/1")]
    assert scope["path"] == path
