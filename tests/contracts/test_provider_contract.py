"""What every provider promises, asked of each: `chatapp/providers/base.py`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pytest
from llmock.pytest_plugin import LLMock

from chatapp.domain.messages import FinishReason
from chatapp.providers.base import ModelRequest, Provider, StepEnd
from chatapp.providers.gemini import GeminiProvider
from chatapp.providers.openai import OpenAIProvider
from chatapp.providers.scripted import ScriptedProvider
from tests.providers.asking import ask, end, request, said
from tests.upstream import Upstream, text
from tests.waiting import until

THIRD_PARTY_REPLY = "Words of a third party:\n\n  * naïve 🙂\t\n"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A provider, a message, and the reply that it must give to it."""

    provider: Provider
    model: str
    message: str
    reply: str
    is_exact: bool = True
    #: For the same reply, not so fast that a busy machine reads it all at once.
    slow_message: str = ""

    def request(self, given: str | None = None, limit: int = 10_000) -> ModelRequest:
        return request(self.message, model=self.model, given=given, limit=limit)


NUMBERED: Final = {"message": "[n:40 r:400]", "slow_message": "[n:40 r:40]", "reply": text(40)}


async def over_upstream() -> AsyncGenerator[Subject]:
    async with Upstream() as upstream:
        provider = OpenAIProvider(api_key="", base_url=upstream.base_url)
        yield Subject(provider=provider, model="mock", **NUMBERED)


async def over_gemini() -> AsyncGenerator[Subject]:
    async with Upstream() as upstream:
        provider = GeminiProvider(api_key="test", base_url=upstream.gemini_url)
        yield Subject(provider=provider, model="gemini-2.5-mock", **NUMBERED)


async def over_llmock(llmock: LLMock) -> AsyncGenerator[Subject]:
    llmock.reply(THIRD_PARTY_REPLY, times=None).pace(2)
    provider = OpenAIProvider(api_key="test", base_url=llmock.base_url("openai"))
    yield Subject(provider=provider, model="gpt-4o", message="Hello", reply=THIRD_PARTY_REPLY, is_exact=False)


async def over_gemini_llmock(llmock: LLMock) -> AsyncGenerator[Subject]:
    llmock.reply(THIRD_PARTY_REPLY, times=None).pace(2)
    url = f"{llmock.base_url('gemini')}/v1beta"
    yield Subject(
        provider=GeminiProvider(api_key="test", base_url=url),
        model="gemini-2.5-pro",
        message="Hello",
        reply=THIRD_PARTY_REPLY,
        is_exact=False,
    )


async def over_script() -> AsyncGenerator[Subject]:
    provider = ScriptedProvider(offer_script=True)
    order = "[script rate=400] text=  One,\n\n\ttwo 🙂 three  \n four five six seven eight nine "
    reply = order.partition("text=")[2]
    slow = order.replace("rate=400", "rate=20")
    yield Subject(provider=provider, model="script", message=order, reply=reply, slow_message=slow)


async def over_support() -> AsyncGenerator[Subject]:
    provider = ScriptedProvider(delay=timedelta(milliseconds=1))
    reply = "Hello! Thanks for writing to us. How can I help you today?"
    yield Subject(provider=provider, model="support", message="Hello", reply=reply)


MAKERS = {"upstream": over_upstream, "gemini": over_gemini, "script": over_script, "support": over_support}
THIRD_PARTY = {"llmock": over_llmock, "gemini-llmock": over_gemini_llmock}


@pytest.fixture(params=[*MAKERS, *THIRD_PARTY])
async def subject(param: str, llmock: LLMock) -> AsyncGenerator[Subject]:
    """Each provider, opened."""
    async with aclosing(MAKERS[param]() if param in MAKERS else THIRD_PARTY[param](llmock)) as subjects:
        async for one in subjects:
            await one.provider.open()
            await one.provider.wait_ready()
            yield one
            await one.provider.close()


@pytest.fixture
def param(request: pytest.FixtureRequest) -> str:
    """The subject's name."""
    return str(request.node.callspec.params["subject"])


async def test_it_says_how_it_stands_and_what_it_has(subject: Subject) -> None:
    """After `wait_ready` it is usable; ids say whose a model is; windows are numbers that can be used."""
    assert subject.provider.readiness().usable
    models = await subject.provider.models()
    assert subject.model in [model.name for model in models]
    for model in models:
        assert model.id == f"{subject.provider.name}:{model.name}"
        assert model.label
        assert model.context_tokens >= 1024


async def test_a_step_is_its_text_and_one_end(subject: Subject) -> None:
    """Exact to the blank, in batches that are never empty."""
    batches = [batch async for batch in subject.provider.stream(subject.request())]
    assert all(batches)
    events = [event for batch in batches for event in batch]
    assert said(events) == subject.reply
    assert end(events).finish_reason is FinishReason.STOP
    assert end(events).usage.output_tokens > 0


async def test_it_streams(subject: Subject) -> None:
    """The text does not come in one piece, if the model takes its time."""
    slowly = replace(subject, message=subject.slow_message or subject.message)
    batches = [batch async for batch in subject.provider.stream(slowly.request())]
    assert len(batches) > (3 if subject.slow_message else 1)


async def test_it_can_be_closed_at_any_batch(subject: Subject) -> None:
    """At once, and nothing is left running."""
    total = len(await ask(subject.provider, subject.request()))
    before = asyncio.all_tasks()
    for stop_after in range(min(total, 6)):
        batches = subject.provider.stream(subject.request())
        async with asyncio.timeout(10):
            for _ in range(stop_after):
                await anext(batches, None)  # on a busy machine there are fewer
            await batches.aclose()
    await until(lambda: not asyncio.all_tasks() - before)


async def test_it_can_be_cancelled_at_any_time(subject: Subject) -> None:
    """A cancelled step ends at once, and the next one is whole."""
    for wait in (0, 0.001, 0.01, 0.02):
        task = asyncio.create_task(ask(subject.provider, subject.request()))
        await asyncio.wait([task], timeout=wait)
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([task])
    assert said(await ask(subject.provider, subject.request())) == subject.reply


async def test_many_at_once_do_not_mix(subject: Subject) -> None:
    """Each gets its own reply."""
    asked = [ask(subject.provider, subject.request()) for _ in range(40)]
    assert {said(events) for events in await asyncio.gather(*asked)} == {subject.reply}


async def test_a_reply_is_gone_on_with_at_any_character(subject: Subject) -> None:
    """What is there and what comes are the whole reply, without a seam."""
    if not subject.is_exact:
        # A server that does not prefill: what must hold is that it is asked, and that the step ends well.
        assert end(await ask(subject.provider, subject.request(given=subject.reply[:5])))
        return
    for at in range(0, len(subject.reply), max(len(subject.reply) // 12, 1)):
        given = subject.reply[:at]
        events = await ask(subject.provider, subject.request(given=given))
        assert given + said(events) == subject.reply


async def test_a_reply_has_a_bound(subject: Subject) -> None:
    """A reply that is ended for its length says so."""
    events = await ask(subject.provider, subject.request(limit=3))
    heeded = end(events).finish_reason is FinishReason.LENGTH
    assert heeded or not subject.is_exact, "only the third party's server heeds no limit"
    assert subject.reply.startswith(said(events))


async def test_tokens_are_counted_for_each_text(subject: Subject) -> None:
    """One count a text, in order, none of them nothing."""
    counts = await subject.provider.count_tokens(subject.model, ["", "one", "one two three four five"])
    assert len(counts) == 3
    assert counts == sorted(counts)
    assert counts[1] >= 1


async def test_events_are_what_the_fold_takes(subject: Subject) -> None:
    """Nothing but the kinds of `StepEvent`, with text that any store can hold."""
    for event in await ask(subject.provider, subject.request()):
        assert isinstance(event, StepEnd) or event.kind in {"chunk", "reasoning", "tool_call"}
    said(await ask(subject.provider, subject.request())).encode()
