"""What becomes of what OpenAI's SDK asked for: forgotten, or said in a conversation."""

import asyncio

import openai
import pytest

from chatapp.engine.context import SYSTEM_PROMPT
from tests.api.openai_sdk import (
    Programs,
    ask,
    chunks_of,
    programs,
    said,
    stream,
    upstream,
    user,
)
from tests.upstream import text
from tests.waiting import until

__all__ = ["programs", "upstream"]


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_client_that_leaves_stops_the_model(programs: Programs, streamed: bool):
    """Nobody can come back for it: the request upstream is closed within seconds."""
    sdk, long = programs.sdk(), user("Go [n:100000 r:50 id:left]")
    if streamed:
        answer = await stream(sdk, long)
        await anext(answer)
        await answer.close()
    else:
        waiting = asyncio.create_task(ask(sdk, long))
        await until(lambda: programs.upstream.requests)
        waiting.cancel()
    (record,) = programs.upstream.requests
    await until(record.ended.is_set, seconds=5)
    assert record.outcome == "closed"


async def test_nothing_is_left_of_what_was_asked_for_now(programs: Programs):
    """No list, search or export knows it."""
    key = programs.key()
    sdk = programs.sdk(key)
    await ask(sdk, user("Forget me [n:5]"))
    await chunks_of(sdk, user("Forget me [n:5]"))
    services = programs.api.services
    who = await services.bearers.resolve(key)
    assert who is not None
    assert (await services.conversations.listing(who)).items == ()
    assert not await services.search.find(who, "forget")
    assert b"Forget" not in b"".join([piece async for piece in services.own_data.export(who)])


async def test_a_named_conversation_is_gone_on_with(programs: Programs):
    """By header or metadata: the last message is sent there, what was said before is there already, and the
    page shows it. Our own instructions hold unless the program has some."""
    key = programs.key()
    sdk = programs.sdk(key)
    await ask(sdk, user("Hello [n:5]"), extra_headers={"X-Session-Id": "mine"})
    system = [{"role": "system", "content": "Be brief."}]
    more = await sdk.chat.completions.with_raw_response.create(
        model="default",
        messages=[*system, *user("Passed over"), *user("More [n:6]")],  # pyright: ignore
        metadata={"session_id": "mine"},
    )
    assert more.headers["x-session-id"] == "mine"
    first, second = (record.body["messages"] for record in programs.upstream.requests)
    assert first[0]["content"] == SYSTEM_PROMPT
    assert [message["content"] for message in second] == ["Be brief.", "Hello [n:5]", text(5), "More [n:6]"]
    services = programs.api.services
    who = await services.bearers.resolve(key)
    assert who is not None
    window = await services.conversations.window(who, "mine")
    assert [one.message.text for one in window.snapshots] == ["Hello [n:5]", text(5), "More [n:6]", text(6)]
    with pytest.raises(openai.UnprocessableEntityError):
        await ask(sdk, extra_headers={"X-Session-Id": "one"}, metadata={"session_id": "two"})
    with pytest.raises(openai.UnprocessableEntityError):
        await ask(sdk, extra_headers={"X-Session-Id": "no such id!"})


async def test_a_reply_in_a_conversation_outlives_its_client(programs: Programs):
    """Somebody will look there: it is made to its end."""
    key = programs.key()
    answer = await stream(programs.sdk(key), user("Go [n:60 r:100]"), extra_headers={"X-Session-Id": "mine"})
    await anext(answer)
    await answer.close()
    (record,) = programs.upstream.requests
    await until(record.ended.is_set)
    assert record.outcome == "complete"


@pytest.mark.parametrize("named", [{}, {"X-Session-Id": "mine"}], ids=["stateless", "named"])
async def test_a_key_makes_a_request_once(programs: Programs, named: dict[str, str]):
    """The same again, also by who left in mid-reply, gets the same answer; with other words it is refused,
    and the SDK does not try again."""
    sdk = programs.sdk()
    headers = {"Idempotency-Key": "once", **named}
    go = user("Go [n:40 r:100]")
    answer = await stream(sdk, go, extra_headers=headers)
    began = await anext(answer)
    await answer.close()
    again = await ask(sdk, go, extra_headers=headers)
    assert (again.id, again.choices[0].message.content) == (began.id, text(40))
    assert said(await chunks_of(sdk, go, extra_headers=headers)) == text(40)
    assert len(programs.upstream.requests) == 1
    with pytest.raises(openai.ConflictError) as refused:
        await ask(sdk, user("Other [n:5]"), extra_headers=headers)
    assert refused.value.response.headers["x-should-retry"] == "false"


async def test_people_do_not_meet(programs: Programs):
    """Two with the same session id and the same key, at once and many times: each gets their own."""
    people = [programs.sdk(programs.key(name)) for name in ("Ann", "Ben")]

    async def used(place: int, number: int) -> None:
        content = user(f"Go [n:{10 + place}]")
        headers = {"X-Session-Id": f"s{number}", "Idempotency-Key": f"k{number}"}
        answer = await ask(people[place], content, extra_headers=headers)
        assert answer.choices[0].message.content == text(10 + place)
        assert said(await chunks_of(people[place], content)) == text(10 + place)

    await asyncio.gather(*(used(place, number) for place in (0, 1) for number in range(8)))


async def test_a_scripted_model_cannot_hold_to_a_format(programs: Programs):
    """Models that cannot be told to answer in JSON refuse to."""
    with pytest.raises(openai.BadRequestError, match="format"):
        await ask(programs.sdk(), model="scripted:support", response_format={"type": "json_object"})


async def test_a_list_that_ends_with_a_reply_is_gone_on_with(programs: Programs):
    """The answer is only what is new."""
    begun = text(40)[:100]
    answer = await ask(programs.sdk(), [*user("Go [n:40]"), {"role": "assistant", "content": begun}])
    assert begun + (answer.choices[0].message.content or "") == text(40)
