"""Makes a reply of a request: an async iterator of events, with no I/O of its own."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chatapp.domain.events import Attempt, Chunk, Done, RunEvent
from chatapp.domain.messages import FinishReason, Status
from chatapp.engine.continuation import Continuation, Joined
from chatapp.providers.base import ModelRequest, Provider, StepEnd

#: Characters that a token has at most on average, in any language (English 4 to 5).
#: A server that ignores `max_tokens` is cut off here.
CHARS_PER_TOKEN = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """The attempt that goes on with a reply, and the text that is there."""

    attempt: int
    model: str
    kept: str


async def generate(
    provider: Provider, request: ModelRequest, beginning: Beginning
) -> AsyncGenerator[Sequence[RunEvent], None]:
    """Yields batches of events as the model sends them; the last one of all is a `Done`.

    Closing it cancels the request upstream. Raises what the provider raises.
    """
    joining = Continuation(beginning.kept)
    left = request.max_output_tokens * CHARS_PER_TOKEN
    async with aclosing(provider.stream(request)) as stream:
        async for batch in stream:
            events: list[RunEvent] = []
            for event in batch:
                match event:
                    case Chunk():
                        left -= len(event.content)
                        events += _joined(joining.feed(event.content), beginning)
                    case StepEnd():
                        events += _joined(joining.end(), beginning)
                        events.append(
                            Done(
                                status=Status.COMPLETE,
                                finish_reason=event.finish_reason,
                                usage=event.usage,
                            )
                        )
                    case _:
                        events.append(event)
            if left < 0 and not (events and isinstance(events[-1], Done)):
                events.append(Done(status=Status.COMPLETE, finish_reason=FinishReason.LENGTH))
            yield events
            if events and isinstance(events[-1], Done):
                return


def _joined(joined: Joined, beginning: Beginning) -> list[RunEvent]:
    events: list[RunEvent] = []
    if joined.keep_chars is not None:
        events.append(
            Attempt(
                attempt=beginning.attempt,
                model=beginning.model,
                reason="the model started again",
                keep_chars=joined.keep_chars,
            )
        )
    if joined.text:
        events.append(Chunk(content=joined.text))
    return events
