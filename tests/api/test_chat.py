"""Saying something and waiting for the whole reply."""

import asyncio
from typing import Any

import httpx
import pytest

from chatapp.domain.messages import Status
from tests.api.conftest import Serving
from tests.api.served import Api
from tests.chat import upstream
from tests.upstream import Upstream
from tests.upstream.tokens import text
from tests.waiting import eventually, until

__all__ = ["upstream"]

SHORT = "[script tokens=3 rate=1000]"
#: Two seconds, of which a client waits for a part.
LONG = "[script tokens=60 rate=30]"


async def test_the_answer_is_the_whole_reply(api: Api):
    """With all ids that a program goes on with."""
    ann = await api.somebody()
    answer = await ann.say("[script rate=1000] text=Grüße 🙂, <b>bold</b>\n\n", session_id="mine")
    assert answer["response"] == "Grüße 🙂, <b>bold</b>\n\n"
    assert (answer["session_id"], answer["status"], answer["finish_reason"]) == ("mine", "complete", "stop")
    history = (await ann.get("/api/sessions/mine/history"))["history"]
    assert [one["id"] for one in history] == [answer["user_message_id"], answer["message_id"]]
    assert answer["run_id"] == history[1]["run_id"]
    assert answer["tokens_used"] == sum(answer["usage"].values()) > 0
    assert answer["timestamp"].endswith("Z")


async def test_a_conversation_goes_on_by_its_id(api: Api):
    """An unknown one is made; without one there is a new conversation each time."""
    ann = await api.somebody()
    first = await ann.say(SHORT)
    await ann.say(SHORT, session_id=first["session_id"])
    other = await ann.say(SHORT)
    assert other["session_id"] != first["session_id"]
    assert len((await ann.get(f"/api/sessions/{first['session_id']}/history"))["history"]) == 4
    assert len((await ann.get(f"/api/sessions/{other['session_id']}/history"))["history"]) == 2


async def test_the_same_client_key_is_the_same_turn(api: Api):
    """After the reply, and while it is made; with another text, or in another conversation, 409."""
    ann = await api.somebody()
    once = await ann.say(SHORT, session_id="c", client_key="k")
    assert await ann.say(SHORT, session_id="c", client_key="k") == once
    answers = await asyncio.gather(*(ann.say(LONG, session_id="c", client_key="m") for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert len((await ann.get("/api/sessions/c/history"))["history"]) == 4
    for more in ({"message": "else", "session_id": "c"}, {"message": SHORT, "session_id": "d"}):
        assert (await ann.post("/api/chat", 409, client_key="k", **more))["code"] == "key_reused"
    # Of another owner it is another key.
    ben = await api.somebody()
    assert (await ben.say(SHORT, session_id="c", client_key="k"))["run_id"] != once["run_id"]


async def test_who_goes_away_does_not_stop_it(api: Api):
    """The reply is made to its end, nobody waits for it meanwhile, and it is had by the same key."""
    ann = await api.somebody()
    with pytest.raises(httpx.ReadTimeout):
        await ann.http.post("/api/chat", json={"message": LONG, "client_key": "k"}, timeout=0.5)
    await until(lambda: api.services.runs.readers == 0)
    answer = await ann.say(LONG, client_key="k")
    assert (answer["status"], answer["response"].count(" ") + 1) == ("complete", 60)
    [listed] = (await ann.get("/api/sessions"))["sessions"]
    assert listed["session_id"] == answer["session_id"]


async def test_what_somebody_stops_is_answered_with_its_text(api: Api):
    ann = await api.somebody()
    saying = asyncio.create_task(ann.say("[script tokens=600 rate=30]", session_id="c"))

    async def begun() -> bool:
        answer = await ann.http.get("/api/sessions/c/history")
        return bool(answer.json().get("history", [{"content": ""}])[-1]["content"])

    await until(lambda: api.services.runs.readers == 1)
    await eventually(begun, seconds=20)
    reply = (await ann.get("/api/sessions/c/history"))["history"][-1]
    assert reply["status"] == "streaming"
    assert (await ann.get("/api/sessions/c"))["generating"]
    await api.services.turns.stop(ann.who, message_id=reply["id"])
    answer = await saying
    assert answer["status"] == "stopped"
    assert answer["response"].startswith(reply["content"])
    assert (await ann.get("/api/sessions/c"))["generating"] is False


#: What goes wrong with the model's server -> the code and the status that a program is told.
FAILURES = {
    "cut": ("provider_unreachable", 502),
    "error": ("provider_busy", 503),
    "hang": ("provider_timeout", 504),
    "401": ("provider_setup", 502),
    "400": ("context_too_long", 422),
}


@pytest.mark.parametrize("fault", FAILURES)
async def test_a_reply_that_fails_is_a_problem_with_its_text(
    serving: Serving, upstream: Upstream, fault: str
):
    """Its status says whether trying again helps; the ids say how; the same key again fails the same."""
    settings = {"OPENAI_BASE_URL": upstream.base_url, "DEFAULT_MODEL": "", "STREAM_IDLE_TIMEOUT": "1"}
    async with serving(**settings) as api:
        ann = await api.somebody()
        code, status = FAILURES[fault]
        body = {"message": f"Go [n:40 r:100 fault:{fault} at:20]", "session_id": "c", "client_key": "k"}
        answer = await ann.http.post("/api/chat", json=body)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (problem["code"], problem["status"]) == (code, answer.status_code)
        assert answer.status_code == status
        reply = (await ann.get("/api/sessions/c/history"))["history"][-1]
        assert reply["status"] == "failed"
        assert reply["failure"] == {"code": code, "message": problem["detail"]}
        assert (problem["message_id"], problem["run_id"]) == (reply["id"], reply["run_id"])
        assert (problem["session_id"], problem["response"]) == ("c", reply["content"])
        assert bool(reply["content"]) is (not fault.isdigit())
        assert (await ann.http.post("/api/chat", json=body)).json() == problem


async def test_the_history_says_where_another_model_wrote_on(serving: Serving, upstream: Upstream):
    settings = {"OPENAI_BASE_URL": upstream.base_url, "DEFAULT_MODEL": "", "OPENAI_MODELS": "mock,other"}
    async with serving(**settings, FALLBACK_MODELS="openai:other") as api:
        ann = await api.somebody()
        answer = await ann.say("Go [n:20 r:500 fault:clean at:8 tries:1]", session_id="c")
        question, reply = (await ann.get("/api/sessions/c/history"))["history"]
        assert (answer["response"], question["seams"]) == (text(20), [])
        (seam,) = reply["seams"]
        assert (seam["before"], seam["model"]) == ("openai:mock", "openai:other")
        assert seam["at_chars"] == len(text(8))
        assert seam["reason"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"message": None}, "invalid"),
        ({"message": 7}, "invalid"),
        ({"message": ""}, "empty_message"),
        ({"message": " \n\u0000"}, "empty_message"),
        ({"message": "x" * 32_001}, "message_too_long"),
        ({"message": "x", "text": "x"}, "invalid"),
        ({"message": "x", "session_id": "a b"}, "invalid"),
        ({"message": "x", "session_id": ""}, "invalid"),
        ({"message": "x", "client_key": "🙂"}, "invalid"),
        ({"message": "x", "agent": "nobody"}, "unknown_agent"),
        ({"message": "x", "model": "scripted:nothing"}, "unknown_model"),
        ({"message": "x", "model": "nothing"}, "unknown_model"),
    ],
)
async def test_what_cannot_be_said(api: Api, body: dict[str, Any], code: str):
    """422 with the reason, nothing of what was sent in it, and nothing kept."""
    ann = await api.somebody()
    assert (await ann.post("/api/chat", 422, **body))["code"] == code
    assert (await ann.get("/api/sessions"))["sessions"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
async def test_a_body_that_is_none(api: Api, content: bytes):
    ann = await api.somebody()
    answer = await ann.http.post("/api/chat", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid"


async def test_half_a_character_is_kept_as_a_mark(api: Api):
    """No database and no wire can hold it, nor a NUL; halves that belong together are one character."""
    ann = await api.somebody()
    content = b'{"message": "a\\ud800\\u0000b \\ud83d\\ude42 [script tokens=1]", "session_id": "c"}'
    answer = await ann.http.post("/api/chat", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    [said, _] = (await ann.get("/api/sessions/c/history"))["history"]
    assert said["content"] == "a\ufffdb 🙂 [script tokens=1]"


async def test_as_long_as_may_be_arrives_whole(api: Api):
    """`MAX_MESSAGE_CHARS` characters, of several bytes each."""
    ann = await api.somebody()
    message = SHORT + "🙂" * (32_000 - len(SHORT))
    answer = await ann.say(message)
    history = await ann.get(f"/api/sessions/{answer['session_id']}/history")
    assert history["history"][0]["content"] == message


async def test_nobody_is_told_where_to_get_a_token(api: Api):
    """Before the body is looked at."""
    nobody = await api.nobody()
    for path, method in PATHS:
        answer = await nobody.http.request(method, path, json={"rubbish": True} if method != "GET" else None)
        assert answer.status_code == 401, (method, path)
        assert "/api/token" in answer.json()["detail"]
        assert answer.json()["code"] == "not_signed_in"


PATHS = [
    ("/api/chat", "POST"),
    ("/api/sessions", "POST"),
    ("/api/sessions", "GET"),
    ("/api/sessions/c", "GET"),
    ("/api/sessions/c", "PATCH"),
    ("/api/sessions/c", "DELETE"),
    ("/api/sessions/c/history", "GET"),
    ("/api/messages/m/edit", "POST"),
    ("/api/messages/m/regenerate", "POST"),
    ("/api/messages/m/continue", "POST"),
    ("/api/messages/m/feedback", "POST"),
    ("/api/search?q=x", "GET"),
    ("/api/usage", "GET"),
    ("/api/models", "GET"),
    ("/api/agents", "GET"),
]


async def test_a_login_that_ends_ends_the_waiting(api: Api):
    """The reply goes on, and nobody without a login reads it."""
    ann = await api.somebody()
    await ann.say(SHORT)
    saying = asyncio.create_task(ann.http.post("/api/chat", json={"message": "[script tokens=900 rate=30]"}))
    await until(lambda: api.services.runs.readers == 1)
    assert ann.who is not None
    assert await api.services.accounts.revoke(ann.who.login_id)
    answer = await asyncio.wait_for(saying, 20)
    assert answer.status_code == 401


async def test_one_waits_behind_another_in_the_same_conversation(api: Api):
    """Two programs at once: both have their answer, one after the other."""
    ann = await api.somebody()
    await ann.post("/api/sessions", 201, session_id="c")
    said = [ann.say(f"[script tokens=9 rate=100] {number}", session_id="c") for number in range(3)]
    answers = await asyncio.gather(*said)
    assert {answer["status"] for answer in answers} == {Status.COMPLETE.value}
    history = (await ann.get("/api/sessions/c/history"))["history"]
    assert len(history) == 6
    assert {one["id"] for one in history[1::2]} == {answer["message_id"] for answer in answers}
