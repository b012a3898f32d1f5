"""How tests ask a provider."""

from collections.abc import Sequence
from contextlib import aclosing

from chatapp.domain.events import Chunk, Reasoning
from chatapp.domain.messages import Role
from chatapp.domain.runs import NO_OPTIONS, RunOptions
from chatapp.providers.base import ChatMessage, ModelRequest, Provider, StepEnd, StepEvent


def request(
    text: str,
    *,
    model: str = "mock",
    given: str | None = None,
    system: str = "",
    limit: int = 100_000,
    options: RunOptions = NO_OPTIONS,
) -> ModelRequest:
    """A request with one message, and perhaps an unfinished reply to it."""
    messages = [ChatMessage(role=Role.USER, content=text)]
    if system:
        messages.insert(0, ChatMessage(role=Role.SYSTEM, content=system))
    if given is not None:
        messages.append(ChatMessage(role=Role.ASSISTANT, content=given))
    return ModelRequest(model=model, messages=tuple(messages), max_output_tokens=limit, options=options)


async def ask(provider: Provider, asked: ModelRequest) -> list[StepEvent]:
    """All events of a step."""
    return [event for batch in [batch async for batch in provider.stream(asked)] for event in batch]


async def ask_until_it_breaks(
    provider: Provider, asked: ModelRequest
) -> tuple[list[StepEvent], Exception | None]:
    """The events until the end or an error, and the error."""
    events: list[StepEvent] = []
    try:
        async with aclosing(provider.stream(asked)) as batches:
            async for batch in batches:
                events += batch
    except Exception as error:
        return events, error
    return events, None


def said(events: Sequence[StepEvent]) -> str:
    """The text."""
    return "".join(event.content for event in events if isinstance(event, Chunk))


def thought(events: Sequence[StepEvent]) -> str:
    """The reasoning."""
    return "".join(event.content for event in events if isinstance(event, Reasoning))


def end(events: Sequence[StepEvent]) -> StepEnd:
    """The end, of which there is exactly one, at the end."""
    ends = [event for event in events if isinstance(event, StepEnd)]
    assert ends == [events[-1]]
    return ends[0]
