"""One model step as events of a run: the words as they come, one end, and a limit that holds."""

from collections.abc import Sequence

import pytest

from chatapp.domain.errors import ProviderUnreachable
from chatapp.domain.events import Attempt, Chunk, Done, Reasoning, RunEvent
from chatapp.domain.messages import FinishReason, Role, Status, Usage
from chatapp.engine.generator import CHARS_PER_TOKEN, Beginning, generate
from chatapp.providers.base import ChatMessage, ModelRequest, StepEnd, StepEvent
from tests.engine.counting import END, WordProvider, said

REQUEST = ModelRequest(model="w", messages=(ChatMessage(role=Role.USER, content="hi"),), max_output_tokens=10)


async def events_of(*batches: Sequence[StepEvent], kept: str = "") -> list[RunEvent]:
    beginning = Beginning(attempt=2 if kept else 1, model="words:w", kept=kept)
    return [e async for batch in generate(WordProvider(*batches), REQUEST, beginning) for e in batch]


async def test_words_come_through_and_the_last_event_is_the_end():
    """Text and reasoning keep their order; finish reason and usage come with the one `Done`."""
    usage = Usage(input_tokens=3, output_tokens=2)
    end = StepEnd(finish_reason=FinishReason.LENGTH, usage=usage)
    events = await events_of([Reasoning(content="hm"), said("a")], [], [said("b"), end])
    assert events == [
        Reasoning(content="hm"),
        said("a"),
        said("b"),
        Done(status=Status.COMPLETE, finish_reason=FinishReason.LENGTH, usage=usage),
    ]


async def test_a_second_attempt_goes_on_after_what_is_there():
    """Of a new start only the new words are passed on; another turn is marked by an `Attempt`."""
    kept = "The quick brown fox jumps over the lazy dog, and then it sleeps."
    assert await events_of([said(kept[:50])], [said(kept[50:] + " End.")], [END], kept=kept) == [
        said(" End."),
        Done(status=Status.COMPLETE, finish_reason=FinishReason.STOP),
    ]
    turned = await events_of([said(kept[:60]), said("wakes.")], [END], kept=kept)
    assert turned[:2] == [
        Attempt(attempt=2, model="words:w", reason="the model started again", keep_chars=60),
        said("wakes."),
    ]


async def test_a_server_without_a_limit_is_cut_off():
    """A model that repeats itself for ever ends with the reason `length`, and its request is closed."""
    line = "x" * CHARS_PER_TOKEN
    provider = WordProvider(*[[said(line)]] * 1000)
    beginning = Beginning(attempt=1, model="words:w", kept="")
    events = [e async for batch in generate(provider, REQUEST, beginning) for e in batch]
    text = "".join(event.content for event in events if isinstance(event, Chunk))
    assert REQUEST.max_output_tokens * CHARS_PER_TOKEN <= len(text)
    assert len(text) <= (REQUEST.max_output_tokens + 1) * CHARS_PER_TOKEN
    assert events[-1] == Done(status=Status.COMPLETE, finish_reason=FinishReason.LENGTH)
    assert provider.closed


async def test_closing_it_closes_the_provider_s_stream():
    """Who stops listening stops the model: nothing goes on in the background."""
    provider = WordProvider([said("a")], [said("b")], [END])
    stream = generate(provider, REQUEST, Beginning(attempt=1, model="words:w", kept=""))
    await anext(stream)
    assert not provider.closed
    await stream.aclose()
    assert provider.closed


async def test_what_the_provider_raises_is_raised():
    """A stream that broke is never a `Done`."""

    class Broken(WordProvider):
        async def stream(self, request: ModelRequest):
            yield [said("half ")]
            raise ProviderUnreachable

    stream = generate(Broken(), REQUEST, Beginning(attempt=1, model="words:w", kept=""))
    assert await anext(stream) == [said("half ")]
    with pytest.raises(ProviderUnreachable):
        await anext(stream)
