"""Makes a reply of a request: an async iterator of events, with no I/O of its own."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chatapp.domain.events import Attempt, Chunk, Done, RunEvent
from chatapp.domain.messages import FinishReason, Status
from chatapp.engine.continuation import Continuation, Joined
from chatapp.engine.stop_texts import StopTexts
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
    reply = _Reply(beginning, request.options.stop)
    left = request.max_output_tokens * CHARS_PER_TOKEN
    async with aclosing(provider.stream(request)) as stream:
        async for batch in stream:
            events: list[RunEvent] = []
            for event in batch:
                match event:
                    case Chunk():
                        left -= len(event.content)
                        events += reply.feed(event.content)
                    case StepEnd():
                        events += reply.end()
                        reason = FinishReason.STOP if reply.stopped else event.finish_reason
                        events.append(Done(status=Status.COMPLETE, finish_reason=reason, usage=event.usage))
                    case _:
                        events.append(event)
            if (reply.stopped or left < 0) and not (events and isinstance(events[-1], Done)):
                reason = FinishReason.STOP if reply.stopped else FinishReason.LENGTH
                events.append(Done(status=Status.COMPLETE, finish_reason=reason))
            yield events
            if events and isinstance(events[-1], Done):
                return


class _Reply:
    """What a model sends, joined to the text that is there, up to a stop text."""

    def __init__(self, beginning: Beginning, stop: Sequence[str]) -> None:
        self._beginning: Beginning = beginning
        self._joining: Continuation = Continuation(beginning.kept)
        self._ending: StopTexts = StopTexts(stop)

    @property
    def stopped(self) -> bool:
        """True once a stop text came."""
        return self._ending.reached

    def feed(self, text: str) -> list[RunEvent]:
        """The events of more text of the model."""
        return self._joined(self._joining.feed(text))

    def end(self) -> list[RunEvent]:
        """Those that are left when the model has finished."""
        events = self._joined(self._joining.end())
        return [*events, Chunk(content=rest)] if (rest := self._ending.end()) else events

    def _joined(self, joined: Joined) -> list[RunEvent]:
        events: list[RunEvent] = []
        if self.stopped:
            return events
        if joined.keep_chars is not None:
            events.append(
                Attempt(
                    attempt=self._beginning.attempt,
                    model=self._beginning.model,
                    reason="the model started again",
                    keep_chars=joined.keep_chars,
                )
            )
        if text := self._ending.feed(joined.text):
            events.append(Chunk(content=text))
        return events
