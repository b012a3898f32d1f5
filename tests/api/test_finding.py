"""What there is, what was said, and what was used."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import Serving
from tests.api.served import Api
from tests.chat import rows

SHORT = "[script tokens=3 rate=1000]"


async def test_what_was_said_is_found_in_all_branches(api: Api):
    """With the ids to go there, and what was found marked twice: as text, and exactly."""
    ann = await api.somebody()
    said = await ann.say(f"The walrus & <b>the</b> carpenter {SHORT}", session_id="c")
    begun = await ann.post(
        f"/api/messages/{said['user_message_id']}/edit", 202, message=f"Something else {SHORT}"
    )
    assert ann.who is not None
    await api.services.runs.message(ann.who, begun["run_id"])
    hits = (await ann.get("/api/search", q="WALRUS carp"))["hits"]
    title, message = hits
    assert (title["session_id"], title["message_id"], title["role"]) == ("c", None, None)
    assert (message["session_id"], message["role"]) == ("c", "user")
    assert message["message_id"] == said["user_message_id"]
    assert message["snippet"].startswith("The ⟦walrus⟧ & <b>the</b> ⟦carpenter⟧")
    assert "".join(piece["text"] for piece in message["pieces"]) == (
        message["snippet"].replace("⟦", "").replace("⟧", "")
    )
    assert [piece["text"] for piece in message["pieces"] if piece["hit"]] == ["walrus", "carpenter"]
    assert len((await ann.get("/api/search", q="walrus", limit=1))["hits"]) == 1


@pytest.mark.parametrize("q", ["", "   ", '"', "* OR NEAR(", "\x00", "🙂", "-", "x" * 300])
async def test_any_text_may_be_asked_for(api: Api, q: str):
    ann = await api.somebody()
    assert (await ann.get("/api/search", q=q))["hits"] == []


@pytest.mark.parametrize("query", ["", "q=x&limit=0", "q=x&limit=101", "q=x&limit=x", "q=" + "x" * 301])
async def test_what_cannot_be_asked_for(api: Api, query: str):
    ann = await api.somebody()
    assert (await ann.get(f"/api/search?{query}", 422))["code"] == "invalid"


async def test_models_say_what_they_can(api: Api):
    """One of them answers when none is named, and each can be named."""
    ann = await api.somebody()
    models = (await ann.get("/api/models"))["models"]
    assert [one["id"] for one in models if one["default"]] == ["scripted:script"]
    for one in models:
        assert one["id"] == f"{one['provider']}:{one['name']}"
        assert one["context_tokens"] > 0
        assert one["capabilities"] == []
        assert (await ann.say(SHORT, model=one["id"]))["model"] == one["id"]


async def test_agents_can_be_named(api: Api):
    ann = await api.somebody()
    [agent] = (await ann.get("/api/agents"))["agents"]
    assert (agent["id"], agent["default"]) == ("default", True)
    assert (await ann.say(SHORT, agent=agent["id"]))["status"] == "complete"


async def test_usage_is_added_up_by_day_and_model(api: Api):
    """One's own alone, replies that failed or were deleted since among them."""
    ann, ben = await api.somebody(), await api.somebody()
    assert (await ann.get("/api/usage"))["by_day"] == []
    said = [await ann.say(SHORT, session_id="c") for _ in range(3)]
    said.append(await ann.say("hello", model="scripted:support"))
    await ben.say(SHORT)
    await ann.call("DELETE", "/api/sessions/c")
    used = await ann.get("/api/usage")
    assert (used["days"], used["runs"]) == (30, 4)
    assert used["tokens_used"] == used["input_tokens"] + used["output_tokens"]
    assert used["tokens_used"] == sum(one["tokens_used"] for one in said)
    today = {
        datetime.now(UTC).date().isoformat(),
        (datetime.now(UTC) - timedelta(hours=1)).date().isoformat(),
    }
    assert {one["date"] for one in used["by_day"]} <= today
    assert {one["model"]: one["runs"] for one in used["by_day"]} == {
        "scripted:script": 3,
        "scripted:support": 1,
    }
    refused = {"message": "[script tokens=9 fail_at=2]"}
    assert (await ann.http.post("/api/chat", json=refused)).status_code == 502
    assert (await ann.get("/api/usage", days=1))["runs"] == 5


async def test_usage_of_so_many_days(serving: Serving):
    """Up to today, which is one of them."""
    async with serving() as api:
        ann = await api.somebody()
        await ann.say(SHORT)
        assert ann.who is not None
        settings = api.services.settings
        [(day,)] = rows(settings, "SELECT day FROM usage_days")
        assert (await ann.get("/api/usage", days=1))["runs"] == 1

        def moved(days: int) -> str:
            return (datetime.fromisoformat(day) - timedelta(days=days)).date().isoformat()

        change = api.services.turns._database
        for ago, seen in ((29, 1), (30, 0)):
            await change.write(
                lambda work, ago=ago: work.exec_driver_sql("UPDATE usage_days SET day = ?", (moved(ago),))
            )
            assert (await ann.get("/api/usage"))["runs"] == seen
        assert (await ann.get("/api/usage", days=366))["runs"] == 1


@pytest.mark.parametrize("days", ["0", "367", "-1", "x", "1e2", "9" * 400])
async def test_usage_of_days_that_are_none(api: Api, days: str):
    ann = await api.somebody()
    assert (await ann.get(f"/api/usage?days={days}", 422))["code"] == "invalid"
