"""Conversations over HTTP: begun, listed, read, kept in order, deleted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.served import Api, Program

#: A reply of three tokens, at once.
SHORT = "[script tokens=3 rate=1000]"


async def pages(program: Program, **query: Any) -> list[list[str]]:
    """The ids of each page, to the last."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await program.get("/api/sessions", **query, **cursor)
        found.append([one["session_id"] for one in page["sessions"]])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_the_same_id_again_is_the_same_conversation(api: Api):
    """201 at first, 200 then, and what it is stays; without an id there is a new one each time."""
    ann = await api.somebody()
    first = await ann.post("/api/sessions", 201, session_id="mine", title="First", model="scripted:support")
    assert first["session_id"], first["title"] == ("mine", "First")
    assert (first["agent"], first["model"], first["pinned"]) == ("default", "scripted:support", False)
    again = await ann.post("/api/sessions", 200, session_id="mine", title="Second")
    assert again == first
    answer = await ann.http.post("/api/sessions")
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/sessions/{answer.json()['session_id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert await pages(ann) == [[answer.json()["session_id"], "mine"]]


async def test_two_owners_may_use_the_same_id(api: Api):
    ann, ben = await api.somebody(), await api.somebody()
    await ann.post("/api/sessions", 201, session_id="mine", title="Ann's")
    await ben.post("/api/sessions", 201, session_id="mine", title="Ben's")
    assert (await ann.get("/api/sessions/mine"))["title"] == "Ann's"
    assert (await ben.get("/api/sessions/mine"))["title"] == "Ben's"


async def test_one_without_a_title_gets_that_of_its_first_message(api: Api):
    """And one that has a title keeps it; a later message changes nothing."""
    ann = await api.somebody()
    await ann.post("/api/sessions", 201, session_id="untitled")
    await ann.post("/api/sessions", 201, session_id="titled", title="Mine")
    for session_id in ("untitled", "titled"):
        await ann.say(f"Tell me of walruses {SHORT}", session_id=session_id)
        await ann.say(f"And of seals {SHORT}", session_id=session_id)
    assert (await ann.get("/api/sessions/untitled"))["title"].startswith("Tell me of walruses")
    assert (await ann.get("/api/sessions/titled"))["title"] == "Mine"


async def test_its_model_answers_until_another_is_named(api: Api):
    """What a session was begun with, then what was named last."""
    ann = await api.somebody()
    await ann.post("/api/sessions", 201, session_id="c", model="scripted:support")
    assert (await ann.say("hello", session_id="c"))["model"] == "scripted:support"
    assert (await ann.say(SHORT, session_id="c", model="scripted:script"))["model"] == "scripted:script"
    assert (await ann.say(SHORT, session_id="c"))["model"] == "scripted:script"


@pytest.mark.parametrize("size", [1, 3, 7, 50])
async def test_pages_have_each_conversation_once_whatever_happens_meanwhile(api: Api, size: int):
    """The newest first; between two pages some are renamed, sent to, pinned and begun."""
    ann = await api.somebody()
    ids = [f"c{number}" for number in range(10)]
    for one in ids:
        await ann.post("/api/sessions", 201, session_id=one)
    found: list[str] = []
    cursor: dict[str, str] = {}
    for turn in range(20):
        page = await ann.get("/api/sessions", limit=size, **cursor)
        found += [one["session_id"] for one in page["sessions"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        await ann.say(SHORT, session_id=ids[turn % 10])
        await ann.call("PATCH", f"/api/sessions/{ids[-1 - turn % 10]}", json={"pinned": True, "title": "x"})
        await ann.post("/api/sessions", 201)
    assert found == list(reversed(ids))


async def test_archived_ones_are_apart(api: Api):
    ann = await api.somebody()
    for one in ("a", "b", "c"):
        await ann.post("/api/sessions", 201, session_id=one)
    await ann.call("PATCH", "/api/sessions/b", json={"archived": True})
    assert await pages(ann) == [["c", "a"]]
    assert await pages(ann, archived=True) == [["b"]]


async def test_what_is_changed_is_changed_as_a_whole(api: Api):
    """What is left out stays; a title that cannot be takes nothing else along."""
    ann = await api.somebody()
    await ann.post("/api/sessions", 201, session_id="c", title="Old")
    changed = await ann.call("PATCH", "/api/sessions/c", json={"title": "  New\n title ", "pinned": True})
    assert (changed["title"], changed["pinned"], changed["archived"]) == ("New title", True, False)
    for body in (
        {"title": " ", "pinned": False},
        {"title": "", "pinned": False},
        {"title": "x" * 121, "pinned": False},
        {"pinned": "no"},
        {"pinned": 0},
        {"owner_id": "me"},
    ):
        refused = await ann.call("PATCH", "/api/sessions/c", 422, json=body)
        assert refused["code"] == "invalid"
    assert await ann.call("PATCH", "/api/sessions/c", json={}) == changed


async def test_deleted_is_gone(api: Api):
    """For every call; its id can be used again and shows nothing of before."""
    ann = await api.somebody()
    said = await ann.say(SHORT, session_id="c")
    assert await ann.call("DELETE", "/api/sessions/c") == {"session_id": "c"}
    for method, path in (
        ("GET", "/api/sessions/c"),
        ("GET", "/api/sessions/c/history"),
        ("DELETE", "/api/sessions/c"),
        ("POST", f"/api/messages/{said['message_id']}/regenerate"),
    ):
        assert (await ann.call(method, path, 404))["code"] == "not_found"
    assert await pages(ann) == [[]]
    await ann.post("/api/sessions", 201, session_id="c")
    assert (await ann.get("/api/sessions/c/history"))["history"] == []


async def test_a_history_says_all_of_each_message(api: Api):
    ann = await api.somebody()
    said = await ann.say(f"Hello\u2028 <b>🙂</b> {SHORT}", session_id="c")
    history = await ann.get("/api/sessions/c/history")
    assert (history["session_id"], history["before"]) == ("c", None)
    question, reply = history["history"]
    assert (question["role"], question["content"]) == ("user", f"Hello\u2028 <b>🙂</b> {SHORT}")
    assert (question["id"], question["parent_id"], question["status"]) == (
        said["user_message_id"],
        None,
        "complete",
    )
    assert (reply["role"], reply["content"], reply["status"]) == ("assistant", said["response"], "complete")
    assert (reply["id"], reply["parent_id"]) == (said["message_id"], said["user_message_id"])
    assert (reply["run_id"], reply["model"]) == (said["run_id"], "scripted:script")
    assert (reply["tokens_used"], reply["usage"]) == (said["tokens_used"], said["usage"])
    assert (reply["finish_reason"], reply["failure"], reply["feedback"]) == ("stop", None, None)
    assert reply["versions"] is None
    assert reply["reasoning"] == ""
    for message in (question, reply):
        assert message["timestamp"].endswith("Z")
        age = datetime.now(UTC) - datetime.fromisoformat(message["timestamp"])
        assert 0 <= age.total_seconds() < 60


async def test_a_history_is_the_branch_that_is_shown(api: Api):
    """And says how many versions there are of a message."""
    ann = await api.somebody()
    said = await ann.say(f"One {SHORT}", session_id="c")
    begun = await ann.post(f"/api/messages/{said['message_id']}/regenerate", 202)
    await api.services.runs.message(ann.who, begun["run_id"])
    _, reply = (await ann.get("/api/sessions/c/history"))["history"]
    assert reply["id"] == begun["message_id"]
    assert reply["versions"] == {
        "index": 2,
        "count": 2,
        "previous_id": said["message_id"],
        "next_id": None,
    }


async def test_a_long_history_comes_whole_or_in_parts(api: Api):
    """Parts of any size join to the whole, more than one piece of the database's among them."""
    ann = await api.somebody()
    for number in range(60):
        await ann.say(f"[script tokens=1 rate=1000] {number}", session_id="c")
    whole = (await ann.get("/api/sessions/c/history"))["history"]
    assert [one["content"] for one in whole[::2]] == [f"[script tokens=1 rate=1000] {n}" for n in range(60)]
    for size in (7, 100, 119, 120):
        parts: list[Any] = []
        before: dict[str, str] = {}
        while True:
            part = await ann.get("/api/sessions/c/history", limit=size, **before)
            assert len(part["history"]) <= size
            parts = part["history"] + parts
            if part["before"] is None:
                break
            before = {"before": part["before"]}
        assert parts == whole


@pytest.mark.parametrize("wrong", ["limit=0", "limit=1001", "limit=x", "before=" + "x" * 65])
async def test_a_history_cannot_be_asked_for_like_this(api: Api, wrong: str):
    ann = await api.somebody()
    await ann.post("/api/sessions", 201, session_id="c")
    assert (await ann.get(f"/api/sessions/c/history?{wrong}", 422))["code"] == "invalid"
    assert (await ann.get("/api/sessions/c/history?before=nothing", 404))["code"] == "not_found"


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "%00", "MjAyNg", "MjAyNi0wMS0wMQ", "🙂", "MDAwMS0wMS0wMVQwMDowMDowMCswMDowMCA", "a" * 201],
)
async def test_a_cursor_that_is_none_is_refused(api: Api, cursor: str):
    ann = await api.somebody()
    assert (await ann.get(f"/api/sessions?cursor={cursor}", 422))["code"] == "invalid"


@pytest.mark.parametrize(
    "body",
    [
        {"session_id": ""},
        {"session_id": "a b"},
        {"session_id": "a/b"},
        {"session_id": "x" * 65},
        {"session_id": 7},
        {"session_id": "~aside"},
        {"title": ""},
        {"title": "x" * 121},
        {"agent": "nobody"},
        {"model": "scripted:nothing"},
        {"sesion_id": "misspelt"},
    ],
)
async def test_a_conversation_cannot_be_begun_like_this(api: Api, body: dict[str, Any]):
    """And nothing is begun."""
    ann = await api.somebody()
    refused = await ann.post("/api/sessions", 422, **body)
    assert refused["status"] == 422
    assert refused["code"] in {"invalid", "unknown_agent", "unknown_model"}
    assert await pages(ann) == [[]]
