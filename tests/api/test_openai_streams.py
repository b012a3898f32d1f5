"""How a stream for OpenAI's SDK begins and ends when it does not go as it should."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from chatapp.api import completing, streaming
from tests.api.conftest import Serving
from tests.api.openai_sdk import (
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

ENDLESS = user("Go [n:100000 r:50]")
#: The first model breaks off, the next says what there is to say then.
BREAKS = user("Go [say:words r:20 fault:clean at:4 tries:1]")
TWO_MODELS = {"OPENAI_MODELS": "mock,other", "FALLBACK_MODELS": "openai:other"}


async def refused_at_the_end(chunks: AsyncIterator[ChatCompletionChunk]) -> tuple[str, str | None]:
    """What was said, and the code of the exception."""
    heard, error = await broken_off(chunks)
    return heard, error.code


async def begins(
    programs: Programs, upstream: Upstream, then: tuple[str, ...], **more: Any
) -> tuple[str, AsyncIterator[ChatCompletionChunk]]:
    """What was said first of a reply whose model breaks off, after which another begins again."""
    upstream.replies["words"] = ("First ", "words", " that", " broke", " off")
    chunks, began = aiter(await stream(programs.sdk(more.pop("key", None)), BREAKS, **more)), ""
    while not began:
        began = said([await anext(chunks)])
    upstream.replies["words"] = then
    return began, chunks


async def test_a_model_that_begins_again_with_other_words_raises(serving: Serving, upstream: Upstream):
    """What was sent cannot be taken back here, which is said; and nobody can come back for the rest, so it is
    stopped."""
    async with programs_of(serving, upstream, **TWO_MODELS) as programs:
        began, chunks = await begins(programs, upstream, ("Quite other words.", *" and so on" * 1000))
        rest, error = await broken_off(chunks)
        assert (began + rest, error.code) == ("First words that broke", "conflict")
        assert error.message == "The model began again in mid-reply with other words. Please ask again."
        assert [record.body["model"] for record in upstream.requests] == ["mock", "other"]
        await until(lambda: upstream.open_streams == 0)


async def test_the_same_key_has_the_reply_that_was_begun_again(serving: Serving, upstream: Upstream):
    """While it is made and when it is whole, with all that belongs to it, and made once."""
    async with programs_of(serving, upstream, **TWO_MODELS) as programs:
        key, once = programs.key(), {"Idempotency-Key": "once"}
        words = ("Quite other words", *[" and so on"] * 60)
        _, chunks = await begins(programs, upstream, words, key=key, extra_headers=once)
        assert (await broken_off(chunks))[1].code == "conflict"
        assert upstream.open_streams == 1, "it is being made"
        sdk, usage = programs.sdk(key), {"stream_options": {"include_usage": True}}
        made = await chunks_of(sdk, BREAKS, extra_headers=once, **usage)
        again = await chunks_of(sdk, BREAKS, extra_headers=once, **usage)
        assert said(made) == said(again) == "".join(words)
        assert [one.choices[0].finish_reason for one in again if one.choices][-1] == "stop"
        whole = await ask(sdk, BREAKS, extra_headers=once)
        assert whole.choices[0].message.content == "".join(words)
        assert made[-1].usage == again[-1].usage == whole.usage is not None
        assert (again[0].id, again[0].choices[0].delta.role) == (whole.id, "assistant")
        assert len(upstream.requests) == 2


async def test_a_stream_begins_though_nothing_was_said(
    serving: Serving, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
):
    """Networks give up what is silent. What fails from then on is told in it."""
    monkeypatch.setattr(completing, "BEGINS_AFTER", timedelta(seconds=0.2))
    async with programs_of(serving, upstream, STREAM_IDLE_TIMEOUT="3") as programs:
        sdk = programs.sdk()
        answer = aiter(await stream(sdk, user("Go [n:5 t:1500]")))
        assert (await anext(answer)).choices[0].delta.role == "assistant"
        assert not upstream.requests[0].ended.is_set()
        assert said([chunk async for chunk in answer]) == text(5)
        answer = await stream(sdk, user("Go [n:5 fault:hang-first]"))
        assert await refused_at_the_end(answer) == ("", "provider_timeout")


async def test_a_stream_has_an_end(programs: Programs, monkeypatch: pytest.MonkeyPatch):
    """It says so: a stream that is cut in silence looks like a whole answer."""
    monkeypatch.setattr(streaming, "LIFETIME", timedelta(seconds=0.5))
    heard, code = await refused_at_the_end(await stream(programs.sdk(), ENDLESS))
    assert text(100).startswith(heard)
    assert code == "unavailable"
    await until(lambda: programs.upstream.open_streams == 0)


async def test_a_login_that_ends_is_told_in_the_stream(programs: Programs):
    """And the model's server is not asked any further."""
    key = programs.key()
    chunks = aiter(await stream(programs.sdk(key), ENDLESS))
    await anext(chunks)
    who = await programs.api.services.bearers.resolve(key)
    assert who is not None
    await programs.api.services.accounts.revoke(who.login_id)
    _, code = await refused_at_the_end(chunks)
    assert code == "invalid_api_key"
    await until(lambda: programs.upstream.open_streams == 0)
