"""OpenAI's own SDK works against this server with an address and a token."""

import asyncio
from contextlib import suppress

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.api.conftest import Serving
from tests.api.openai_sdk import (
    GO,
    Programs,
    ask,
    broken_off,
    chunks_of,
    programs,
    programs_of,
    said,
    stream,
    upstream,
    user,
)
from tests.upstream import Upstream, text
from tests.waiting import until

__all__ = ["programs", "upstream"]


async def test_an_answer_and_its_stream_are_the_same(programs: Programs):
    """Text byte for byte, reasoning, finish reason and usage; the chunks are as OpenAI sends them."""
    sdk = programs.sdk()
    whole = await ask(sdk)
    chunks = await chunks_of(sdk, stream_options={"include_usage": True})
    (choice,) = whole.choices
    assert choice.message.content == said(chunks) == text(40)
    reasoning = getattr(choice.message, "reasoning_content", None)
    assert reasoning == said(chunks, "reasoning_content") == "r0 r1 r2 "
    assert (choice.finish_reason, choice.message.role, whole.object) == (
        "stop",
        "assistant",
        "chat.completion",
    )
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (
        11,
        40,
        51,
    )
    assert chunks[-1].usage == whole.usage
    assert chunks[-1].choices == []
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [one.choices[0].finish_reason for one in chunks if one.choices][-1] == "stop"
    assert whole.model == chunks[0].model == "openai:mock"
    assert all(chunk.usage is None for chunk in await chunks_of(sdk)), "nobody asked for the usage"


async def test_the_sdk_that_waits_works_as_well(programs: Programs):
    """Without asyncio, in a thread of its own."""

    def used(key: str) -> tuple[str, str, list[str]]:
        with OpenAI(base_url=f"{programs.api.url}/v1", api_key=key, max_retries=0) as sdk:
            whole = sdk.chat.completions.create(model="default", messages=GO)  # pyright: ignore
            parts = sdk.chat.completions.create(model="default", messages=GO, stream=True)  # pyright: ignore
            return (
                whole.choices[0].message.content or "",
                said(list(parts)),
                [m.id for m in sdk.models.list()],
            )

    whole, streamed, models = await asyncio.to_thread(used, programs.key())
    assert whole == streamed == text(40)
    assert models[0] == "default"


async def test_an_api_key_opens_the_same_door(programs: Programs):
    """Made by a guest here; nothing but the key is sent."""
    services = programs.api.services
    owner = (await programs.api.somebody()).who
    assert owner is not None
    await services.turns.send(owner, conversation_id=None, text="[n:1]", client_key="k")
    _, secret = await services.api_keys.create(owner, name="sdk")
    assert (await ask(programs.sdk(secret))).choices[0].message.content == text(40)


async def test_what_the_program_wants_comes_to_the_model(programs: Programs):
    """The list as it is, instructions first; sampling and stop texts; no instructions of ours."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "Go"}, {"type": "text", "text": "[n:5]"}]},
        {"role": "user", "content": "on"},
    ]
    await ask(
        programs.sdk(),
        messages,
        temperature=0.25,
        top_p=0.5,
        seed=7,
        presence_penalty=1,
        frequency_penalty=-1,
        max_tokens=9,
        stop=["END", "STOP"],
        response_format={"type": "json_object"},
        user="somebody",
        store=False,
        parallel_tool_calls=True,
        extra_body={"unheard_of": 1},
    )
    await ask(programs.sdk(), user("Go [n:5]"))
    first, plain = (record.body for record in programs.upstream.requests)
    assert first["messages"] == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Go\n[n:5]\n\non"},
    ]
    wanted = {"temperature": 0.25, "top_p": 0.5, "seed": 7, "presence_penalty": 1, "frequency_penalty": -1}
    wanted |= {"max_tokens": 9, "stop": ["END", "STOP"], "response_format": {"type": "json_object"}}
    assert {name: first[name] for name in wanted} == wanted
    assert [message["role"] for message in plain["messages"]] == ["user"]
    assert "temperature" not in plain


async def test_a_stop_text_and_a_limit_end_the_answer(programs: Programs):
    """The first with `stop`, the second with `length`; streamed or not."""
    sdk, whole = programs.sdk(), text(40)
    for stop in (whole[30:36], [whole[30:36], "never"]):
        answer = await ask(sdk, stop=stop)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (whole[:30], "stop")
    assert said(await chunks_of(sdk, stop=whole[30:36])) == whole[:30]
    for limit in ({"max_tokens": 5}, {"max_completion_tokens": 5}):
        answer = await ask(sdk, **limit)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (text(5), "length")


async def test_models_and_agents_are_listed(programs: Programs):
    """Each id of the list can be asked, by itself too; one that is not in it cannot."""
    sdk = programs.sdk()
    ids = [model.id async for model in await sdk.models.list()]
    assert ids[:2] == ["default", "openai:mock"]
    for model in ids[:2]:
        assert (await sdk.models.retrieve(model)).id == model
        assert (await ask(sdk, model=model)).model == "openai:mock"
    for missing in ("gpt-4o", "openai:gpt-4o", "nobody:x"):
        with pytest.raises(openai.NotFoundError) as unlisted:
            await sdk.models.retrieve(missing)
        with pytest.raises(openai.NotFoundError) as unasked:
            await ask(sdk, model=missing)
        assert unlisted.value.code == unasked.value.code == "model_not_found"
        assert unasked.value.param == "model"
    assert not programs.upstream.requests[2:], "nobody was asked for what is not there"


WRONG = [
    {"messages": []},
    {"messages": [{"role": "system", "content": "Be kind."}]},
    {"messages": user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])},
    {"messages": [*user("Go"), {"role": "tool", "content": "x", "tool_call_id": "1"}]},
    {"tools": [{"type": "function", "function": {"name": "x"}}]},
    {"n": 2},
    {"logprobs": True},
    {"temperature": 3},
    {"max_tokens": 0},
    {"stop": ["a"] * 5},
    {"stop": ""},
    {"response_format": {"type": "xml"}},
    {"modalities": ["text", "audio"]},
    {"metadata": {"session_id": 1}},
]


async def test_what_cannot_be_had_is_a_bad_request(programs: Programs):
    """Refused before anything is made, with the field that is wrong; streamed or not."""
    sdk = programs.sdk()
    for wrong in WRONG:
        fields = {"model": "default", "messages": GO} | wrong
        for more in ({}, {"stream": True}):
            with pytest.raises(openai.BadRequestError) as refused:
                await sdk.post("/chat/completions", body=fields | more, cast_to=object)
            assert refused.value.type == "invalid_request_error", wrong
            assert (refused.value.param or "").startswith(next(iter(wrong))), wrong
    assert programs.upstream.requests == []


async def test_errors_are_the_sdk_s_own(programs: Programs):
    """Who is not let in, what cannot be used, what is not there: each raises the class that it should."""
    with pytest.raises(openai.AuthenticationError) as unknown:
        await ask(programs.sdk("sk-made-up"))
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.AuthenticationError):
        await programs.sdk("sk-made-up").models.list()
    sdk = programs.sdk()
    with pytest.raises(openai.UnprocessableEntityError):
        await ask(sdk, user(" \n"))
    with pytest.raises(openai.UnprocessableEntityError):
        await ask(sdk, user("x" * 40_000))
    with pytest.raises(openai.NotFoundError):
        await sdk.embeddings.create(model="default", input="x")
    with pytest.raises(openai.APIStatusError) as large:
        await ask(sdk, user("x" * 2_000_000))
    assert large.value.status_code == 413
    assert large.value.type == "invalid_request_error"


async def test_too_many_calls_are_told_when_to_come_back(serving: Serving, upstream: Upstream):
    """With `Retry-After`, which the SDK heeds."""
    async with programs_of(serving, upstream, THROTTLE_LIMIT="3") as programs:
        sdk = programs.sdk()
        tried = await asyncio.gather(*(sdk.models.list() for _ in range(10)), return_exceptions=True)
        limited = next(one for one in tried if isinstance(one, openai.RateLimitError))
        assert int(limited.response.headers["retry-after"]) >= 1
        assert limited.type == "rate_limit_error"


async def test_the_sdk_comes_back_when_it_was_told_to(serving: Serving, upstream: Upstream):
    """By itself, whether it waits or not: nobody sees an exception, and nobody asks too early."""
    # A window of 2 s begins anew at each; so the second call of one is told to wait for up to 2 s.
    async with programs_of(serving, upstream, THROTTLE_LIMIT="1", THROTTLE_TTL="2") as programs:
        made = {"base_url": f"{programs.api.url}/v1", "max_retries": 5}
        async with AsyncOpenAI(api_key=programs.key("Ann"), **made) as sdk:
            retries = [(await sdk.models.with_raw_response.list()).retries_taken for _ in range(3)]

        def used(key: str) -> list[int]:
            with OpenAI(api_key=key, **made) as waits:
                return [waits.models.with_raw_response.list().retries_taken for _ in range(3)]

        retries += await asyncio.to_thread(used, programs.key("Ben"))
        assert 2 <= sum(retries) <= 12


async def test_an_sdk_that_loses_patience_leaves(programs: Programs):
    """Its exception is that of a timeout, and nobody makes the reply any further."""
    held, sdk = user("Go [n:60 fault:hang at:20]"), programs.sdk().with_options(timeout=1)
    with pytest.raises(openai.APITimeoutError):
        await ask(sdk, held)
    _, lost = await broken_off(aiter(await stream(sdk, held)))
    assert isinstance(lost, openai.APITimeoutError)
    await until(lambda: len(programs.upstream.requests) == 2 and programs.upstream.open_streams == 0)


FAULTS = [
    ("401", openai.InternalServerError, "provider_setup"),
    ("400", openai.BadRequestError, "context_length_exceeded"),
    ("422", openai.BadRequestError, "provider_refused"),
    ("500", openai.InternalServerError, "provider_busy"),
    ("html", openai.InternalServerError, "provider_garbage"),
]


async def test_a_model_that_fails_before_its_first_word_is_a_status(programs: Programs):
    """Streamed or not: nothing was sent yet. What is wrong with this server is not tried again."""
    sdk = programs.sdk()
    for fault, kind, code in FAULTS:
        for asking in (ask, stream):
            with pytest.raises(kind) as failed:
                await asking(sdk, user(f"Go [n:5 fault:{fault}]"))
            assert failed.value.code == code
            again = failed.value.response.headers.get("x-should-retry") != "false"
            assert again is (code != "provider_setup")


async def test_a_model_that_fails_in_mid_reply_raises_in_the_stream(programs: Programs):
    """What was said comes, then the SDK's exception; not streamed, the exception alone."""
    sdk, heard = programs.sdk(), ""
    broken = user("Go [n:40 r:100 fault:clean at:20]")
    chunks = aiter(await stream(sdk, broken))
    with suppress(StopAsyncIteration):
        while len(heard) < len(text(20)):
            heard += said([await anext(chunks)])
    assert heard == text(20)
    with pytest.raises(openai.APIError) as failed:
        await anext(chunks)
    assert failed.value.code == "provider_unreachable"
    with pytest.raises(openai.InternalServerError):
        await ask(sdk, broken)


async def test_text_that_looks_like_the_wire_arrives_literally(programs: Programs):
    """Ends of streams, of lines and of events, and every kind of character."""
    odd = (
        "data: [DONE]\n\n",
        "[DONE]",
        "\r\ndata: {}\r\n\r\n",
        "\u2028\x85",
        " 🙂 \\u0000 ",
        '42["x"]',
        "end",
    )
    programs.upstream.replies["odd"] = odd
    sdk = programs.sdk()
    chunks = await chunks_of(sdk, user("Go [say:odd]"))
    whole = await ask(sdk, user("Go [say:odd]"))
    assert said(chunks) == whole.choices[0].message.content == "".join(odd)
