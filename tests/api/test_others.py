"""What belongs to another is not there: status, body and all, as for what never was."""

import re
from typing import Any
from uuid import uuid4

import pytest

from tests.api.served import Api
from tests.chat import rows
from tests.doors.operations import ROUTES, SOCKET

SHORT = "[script tokens=3 rate=1000]"
TABLES = ("conversations", "messages", "feedback", "runs", "run_logs")

#: Each call that takes an id of somebody's thing. `{...}` are the ids of a turn.
CALLS: dict[str, tuple[str, str, Any]] = {
    "session": ("GET", "/api/sessions/{session_id}", None),
    "history": ("GET", "/api/sessions/{session_id}/history", None),
    "rename": ("PATCH", "/api/sessions/{session_id}", {"title": "Mine"}),
    "nothing": ("PATCH", "/api/sessions/{session_id}", {}),
    "delete": ("DELETE", "/api/sessions/{session_id}", None),
    "edit": ("POST", "/api/messages/{user_message_id}/edit", {"message": "Mine"}),
    "regenerate": ("POST", "/api/messages/{message_id}/regenerate", {}),
    "continue": ("POST", "/api/messages/{message_id}/continue", {}),
    "feedback": ("POST", "/api/messages/{message_id}/feedback", {"value": "bad"}),
    "run": ("GET", "/api/runs/{run_id}", None),
    "events": ("GET", "/api/runs/{run_id}/events", None),
    "cancel": ("POST", "/api/runs/{run_id}/cancel", None),
    "before": ("GET", "/api/sessions/own/history?before={message_id}", None),
}


def test_every_route_with_an_id_has_a_line():
    """A new one is tried upon another's thing as well; the socket has a test of its own in `test_socket`."""
    tried = {f"{method} {path}" for method, path, _ in CALLS.values()}
    with_ids = {route for route in ROUTES if re.search(r"{\w+_id}", route) and not route.startswith(SOCKET)}
    assert {blank(route) for route in with_ids} <= {blank(one) for one in tried}


def blank(route: str) -> str:
    """The route whatever its ids are called."""
    return re.sub(r"{\w+}", "{}", route)


@pytest.mark.parametrize("name", CALLS)
async def test_not_yours_is_not_there(api: Api, name: str):
    """And whoever tries changes nothing."""
    ann, ben = await api.somebody(), await api.somebody()
    await ann.say(SHORT, session_id="own")
    his = await ben.say(SHORT, session_id="his")
    await ben.post(f"/api/messages/{his['message_id']}/feedback", value="good")
    settings = api.services.settings
    before = {table: rows(settings, f"SELECT * FROM {table}") for table in TABLES}
    method, path, body = CALLS[name]
    made_up = {one: uuid4().hex for one in his}
    answers = [await ann.http.request(method, path.format(**ids), json=body) for ids in (his, made_up)]
    foreign, unknown = ((one.status_code, one.json(), shape(one.headers)) for one in answers)
    assert foreign == unknown
    assert foreign[0] == 404
    assert before == {table: rows(settings, f"SELECT * FROM {table}") for table in TABLES}


def shape(headers: Any) -> dict[str, str]:
    """All that does not differ from call to call."""
    changing = {"date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"}
    return {name: value for name, value in headers.items() if name.lower() not in changing}


async def test_lists_have_one_s_own(api: Api):
    """Nothing of another's in a list, a search or what was used."""
    ann, ben = await api.somebody(), await api.somebody()
    await ben.say(f"Secret walrus {SHORT}")
    assert (await ann.get("/api/sessions"))["sessions"] == []
    assert (await ann.get("/api/sessions", archived=True))["sessions"] == []
    assert (await ann.get("/api/search", q="walrus"))["hits"] == []
    assert (await ann.get("/api/usage"))["runs"] == 0


async def test_an_id_of_another_s_is_free(api: Api):
    """A conversation of one's own is made under it, and the other's is left alone."""
    ann, ben = await api.somebody(), await api.somebody()
    his = await ben.say(f"His {SHORT}", session_id="c")
    hers = await ann.say(f"Hers {SHORT}", session_id="c")
    assert hers["message_id"] != his["message_id"]
    assert len((await ben.get("/api/sessions/c/history"))["history"]) == 2
