"""A built page has one address, its query comes along, and browsers keep of it what never changes."""

import pytest

from chatapp.api.pages import Pages


async def answered(path: str, *, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple:
    """What the app behind was asked for, and what it answered in the end."""
    seen, sent = [], []

    async def app(scope, receive, send) -> None:
        seen.append((scope["path"], scope["query_string"]))
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def nothing() -> dict[str, object]:
        return {}

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "raw_path": path.encode(), "query_string": b"next=/c/1"}
    await Pages(app, paths={"/login"})(scope, nothing, send)
    assert scope["path"] == path
    return seen[0], sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("path", "served"), [("/login", "/login/"), ("/login/", "/login/"), ("/", "/"), ("/c/1", "/c/1")]
)
async def test_a_page_is_served_without_a_detour(path: str, served: str) -> None:
    seen, _, _ = await answered(path)
    assert seen == (served, b"next=/c/1")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/assets/reply-DEcVZfaU.js", 200, b"public, max-age=31536000, immutable"),
        ("/assets/reply-DEcVZfaU.js", 304, b"public, max-age=31536000, immutable"),
        # A server that is older or newer than the page: it may be there a minute later.
        ("/assets/reply-DEcVZfaU.js", 404, b"no-cache"),
        ("/", 200, b"no-cache"),
        ("/login", 200, b"no-cache"),
        ("/page.css", 200, b"no-cache"),
        ("/assetsx", 200, b"no-cache"),
    ],
)
async def test_only_what_is_named_by_its_content_is_kept(path: str, status: int, said: bytes) -> None:
    _, _, headers = await answered(path, status=status)
    assert headers[b"cache-control"] == said


async def test_what_a_route_says_itself_stays() -> None:
    _, _, headers = await answered("/api/enter.js", headers=((b"Cache-Control", b"no-store"),))
    assert headers == {b"Cache-Control": b"no-store"}


async def test_a_script_that_is_gone_is_not_the_page() -> None:
    """Reflex serves the chat for any address that has no file; kept for ever, that would never end."""
    page = ((b"content-type", b"text/html; charset=utf-8"),)
    _, said, headers = await answered("/assets/gone-12345678.js", headers=page)
    assert (said, headers[b"cache-control"]) == (404, b"no-cache")
    _, said, _ = await answered("/c/1", headers=page)
    assert said == 200
