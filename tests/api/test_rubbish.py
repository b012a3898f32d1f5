"""Hypothesis at every call: whatever is sent, the answer is an answer, and never a 500."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.served import Api, Program

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
#: Replies that nobody has to wait for.
SAID = st.just("[script tokens=1 rate=1000]") | st.text(max_size=20).map(
    lambda text: f"[script tokens=1 rate=1000] {text}"
)
FIELDS = {
    "message": SAID,
    "session_id": st.sampled_from(["c", "d"]),
    "agent": st.just("default"),
    "model": st.sampled_from(["", "scripted:script"]),
    "client_key": st.sampled_from(["k", "l"]),
    "title": st.text(max_size=30),
    "pinned": st.booleans(),
    "archived": st.booleans(),
    "value": st.sampled_from(["good", "bad", None]),
    "comment": st.text(max_size=30),
}
#: One in some fields is wrong, so that most calls get as far as the services.
BODY = st.fixed_dictionaries(
    {}, optional={name: right | right | right | JSON for name, right in FIELDS.items()}
)
CONTENT = (
    BODY.map(json.dumps).map(str.encode)
    | BODY.map(json.dumps).map(str.encode)
    | JSON.map(json.dumps).map(str.encode)
    | st.binary(max_size=60)
)
QUERY = st.dictionaries(
    st.sampled_from(["q", "limit", "cursor", "archived", "before", "days"]),
    st.text(max_size=40) | st.integers().map(str),
    max_size=3,
)
PART = st.sampled_from(["c", "d", "message", "nothing"]) | st.text(max_size=30).filter(bool)
CALLS = st.sampled_from(
    [
        ("POST", "/api/sessions"),
        ("GET", "/api/sessions"),
        ("GET", "/api/sessions/{}"),
        ("PATCH", "/api/sessions/{}"),
        ("DELETE", "/api/sessions/{}"),
        ("GET", "/api/sessions/{}/history"),
        ("POST", "/api/chat"),
        ("POST", "/api/messages/{}/edit"),
        ("POST", "/api/messages/{}/regenerate"),
        ("POST", "/api/messages/{}/continue"),
        ("POST", "/api/messages/{}/feedback"),
        ("GET", "/api/search"),
        ("GET", "/api/usage"),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Somebody who has a conversation, so that ids are sometimes right."""

    program: Program
    message_id: str


@pytest.fixture
async def known(api: Api) -> Known:
    program = await api.somebody()
    said = await program.say("[script tokens=1 rate=1000]", session_id="c")
    return Known(program=program, message_id=said["message_id"])


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(call=CALLS, part=PART, query=QUERY, content=CONTENT, as_json=st.booleans() | st.just(True))
async def test_rubbish(
    known: Known,
    call: tuple[str, str],
    part: str,
    query: dict[str, str],
    content: bytes,
    as_json: bool,
) -> None:
    """An answer below 500, of the API's own; a refusal is a problem with a code. The server lives."""
    method, path = call
    part = known.message_id if part == "message" else part
    path = path.format(quote(part, safe="", errors="surrogatepass"))
    kind = "application/json" if as_json else "text/plain"
    body: dict[str, Any] = (
        {} if method in {"GET", "DELETE"} else {"content": content, "headers": {"Content-Type": kind}}
    )
    pairs = {name: value.encode("utf-8", "replace") for name, value in query.items()}
    asked = "&".join(f"{name}={quote(value)}" for name, value in pairs.items())
    answer = await known.program.http.request(method, f"{path}?{asked}", **body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["code"]
        assert problem["detail"]
