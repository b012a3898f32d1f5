"""What programs do to messages: each makes another version, and the original stays."""

from typing import Any

import pytest

from tests.api.served import Api, Program
from tests.waiting import until

SHORT = "[script tokens=3 rate=1000]"


async def ended(api: Api, program: Program, begun: dict[str, Any]) -> None:
    assert program.who is not None
    await api.services.runs.message(program.who, begun["run_id"])


async def history(program: Program, session_id: str = "c") -> list[dict[str, Any]]:
    return (await program.get(f"/api/sessions/{session_id}/history"))["history"]


async def test_an_edit_is_a_version_of_the_message(api: Api):
    """202 at once, with where the reply can be read; the branch that is shown is the new one."""
    ann = await api.somebody()
    said = await ann.say(f"One {SHORT}", session_id="c")
    path = f"/api/messages/{said['user_message_id']}/edit"
    answer = await ann.http.post(path, json={"message": f"Two {SHORT}", "client_key": "k"})
    begun = answer.json()
    assert answer.status_code == 202
    assert begun["session_id"] == "c"
    assert answer.headers["location"] == begun["events"] == f"/api/runs/{begun['run_id']}/events"
    await ended(api, ann, begun)
    question, reply = await history(ann)
    assert (question["id"], question["content"]) == (begun["user_message_id"], f"Two {SHORT}")
    assert question["versions"]["previous_id"] == said["user_message_id"]
    assert (reply["id"], reply["status"]) == (begun["message_id"], "complete")
    # The same key again is the same turn; with other words it is refused.
    assert await ann.post(path, 202, message=f"Two {SHORT}", client_key="k") == begun
    refused = await ann.post(path, 409, message="Three", client_key="k")
    assert refused["code"] == "key_reused"


async def test_another_reply_is_a_version_of_the_reply(api: Api):
    """Also with another model, which is the conversation's from then on."""
    ann = await api.somebody()
    said = await ann.say(f"hello {SHORT}", session_id="c")
    path = f"/api/messages/{said['message_id']}/regenerate"
    begun = await ann.post(path, 202, model="scripted:support", client_key="k")
    await ended(api, ann, begun)
    question, reply = await history(ann)
    assert question["id"] == said["user_message_id"] == begun["user_message_id"]
    assert (reply["id"], reply["model"]) == (begun["message_id"], "scripted:support")
    assert (reply["versions"]["index"], reply["versions"]["count"]) == (2, 2)
    assert await ann.post(path, 202, model="scripted:support", client_key="k") == begun
    assert (await ann.post(path, 422, model="scripted:nothing"))["code"] == "unknown_model"
    # Without a body too.
    answer = await ann.http.post(path)
    assert answer.status_code == 202
    await ended(api, ann, answer.json())


async def test_a_reply_that_was_cut_goes_on(api: Api):
    """From its last character, to the text that it would have had."""
    ann = await api.somebody()
    whole = (await ann.say("[script tokens=30 rate=1000]"))["response"]
    body = {"message": "[script tokens=30 rate=1000 fail_at=12]", "session_id": "c"}
    cut = (await ann.http.post("/api/chat", json=body)).json()
    assert (cut["status"], cut["code"]) == (502, "provider_unreachable")
    assert cut["response"]
    begun = (await ann.http.post(f"/api/messages/{cut['message_id']}/continue")).json()
    await ended(api, ann, begun)
    reply = (await history(ann))[-1]
    assert (reply["id"], reply["status"]) == (begun["message_id"], "complete")
    assert reply["content"].startswith(cut["response"])
    assert reply["content"] == whole


async def test_a_reply_that_is_being_made_is_left_alone(api: Api):
    """Neither made again, nor gone on with, nor rated: 409 until it has ended."""
    ann = await api.somebody()
    said = await ann.say(SHORT, session_id="c")
    begun = await ann.post(
        f"/api/messages/{said['user_message_id']}/edit", 202, message="[script tokens=900 rate=30]"
    )
    busy = f"/api/messages/{begun['message_id']}"
    for action, body in (("regenerate", {}), ("continue", {}), ("feedback", {"value": "good"})):
        assert (await ann.post(f"{busy}/{action}", 409, **body))["code"] == "busy"
    assert ann.who is not None
    await api.services.turns.stop(ann.who, message_id=begun["message_id"])
    await ended(api, ann, begun)
    await ann.post(f"{busy}/feedback", value="good")


async def test_feedback_is_kept_changed_and_taken_back(api: Api):
    """One for a reply; seen in the history by whoever gave it."""
    ann = await api.somebody()
    said = await ann.say(SHORT, session_id="c")
    path = f"/api/messages/{said['message_id']}/feedback"
    given = await ann.post(path, value="bad", comment=" Too short.\u0000🙂 ")
    assert given["message_id"] == said["message_id"]
    assert (given["feedback"]["value"], given["feedback"]["comment"]) == ("bad", "Too short.🙂")
    assert given["feedback"]["timestamp"].endswith("Z")
    assert [one["feedback"] for one in await history(ann)] == [None, given["feedback"]]
    changed = await ann.post(path, value="good")
    assert (changed["feedback"]["value"], changed["feedback"]["comment"]) == ("good", "")
    assert (await history(ann))[1]["feedback"] == changed["feedback"]
    assert await ann.post(path, value=None) == {"message_id": said["message_id"], "feedback": None}
    assert (await history(ann))[1]["feedback"] is None
    # Taken back twice is taken back.
    assert (await ann.post(path, value=None))["feedback"] is None


async def test_feedback_is_about_replies(api: Api):
    ann = await api.somebody()
    said = await ann.say(SHORT)
    refused = await ann.post(f"/api/messages/{said['user_message_id']}/feedback", 404, value="good")
    assert refused["code"] == "not_found"


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("edit", {}),
        ("edit", {"message": 7}),
        ("edit", {"message": ""}),
        ("edit", {"message": "x", "session_id": "c"}),
        ("edit", {"message": "x" * 32_001}),
        ("edit", {"message": "x", "client_key": "a b"}),
        ("regenerate", {"message": "x"}),
        ("regenerate", {"client_key": "x" * 65}),
        ("regenerate", {"model": "x" * 201}),
        ("continue", {"model": "scripted:support"}),
        ("feedback", {}),
        ("feedback", {"value": "great"}),
        ("feedback", {"value": 1}),
        ("feedback", {"value": "good", "comment": "x" * 2_001}),
        ("feedback", {"value": "good", "comment": None}),
        ("feedback", {"value": "good", "score": 5}),
    ],
)
async def test_what_cannot_be_done(api: Api, action: str, body: dict[str, Any]):
    """And is not: the conversation is as it was."""
    ann = await api.somebody()
    said = await ann.say(SHORT, session_id="c")
    before = await history(ann)
    message_id = said["user_message_id" if action == "edit" else "message_id"]
    assert (await ann.post(f"/api/messages/{message_id}/{action}", 422, **body))["status"] == 422
    assert await history(ann) == before


async def test_what_a_program_does_is_told_to_who_follows(api: Api):
    """A page that shows the conversation hears of a rating at once."""
    ann = await api.somebody()
    said = await ann.say(SHORT, session_id="c")
    assert ann.who is not None
    heard: list[Any] = []
    watch = await api.services.following.watch(ann.who, "c", heard.append)
    await ann.post(f"/api/messages/{said['message_id']}/feedback", value="good")
    await until(lambda: heard)
    watch.close()
    assert [(one.kind, one.message_id, one.value) for one in heard] == [("rated", said["message_id"], "good")]
