"""Replies without a model: a support bot to look at, and exact scripts for tests and load."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ProviderRefused, ProviderUnreachable
from chatapp.domain.events import Chunk
from chatapp.domain.messages import FinishReason, Role, Usage
from chatapp.providers.base import Model, ModelRequest, Readiness, StepEnd, StepEvent
from chatapp.providers.script import Script, ordered_script, remaining, words_of
from chatapp.providers.support import support_reply
from chatapp.providers.windows import estimate_tokens

SUPPORT: Final = Model(
    provider="scripted",
    name="support",
    label="Support bot (scripted demo)",
    context_tokens=32_768,
    notice="Scripted demo: fixed answers by rules, no AI.",
)
SCRIPT: Final = Model(
    provider="scripted",
    name="script",
    label="Script player (for tests)",
    context_tokens=1_000_000,
    notice="Plays what the message orders, for tests and load. No AI.",
)


class ScriptedProvider:
    """See `Provider`. `delay` is the support bot's time for a word; `offer_script` adds the tests' model.

    A word is a token for `max_output_tokens`. Its replies are fixed, so instructions, `temperature` and the
    like change nothing.
    """

    name: str = "scripted"

    def __init__(self, *, delay: timedelta = timedelta(seconds=0.05), offer_script: bool = False) -> None:
        self._delay = delay
        self._models = (SUPPORT, SCRIPT) if offer_script else (SUPPORT,)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    def readiness(self) -> Readiness:
        """Always usable."""
        return Readiness(usable=True)

    async def wait_ready(self) -> None:
        """Returns at once."""

    async def models(self) -> Sequence[Model]:
        """See `Provider`."""
        return self._models

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        """An estimate: there is no tokenizer where there is no model."""
        return [estimate_tokens(text) for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        """See `Provider`. Goes on after the given text to the character."""
        if request.options.response_format:
            raise ProviderRefused("This model cannot answer in a format that is asked for.")
        script = self._script(request)
        given = request.messages[-1].content if request.continues else ""
        words = remaining(script.words, given)
        first = len(script.words) - len(words)
        fails = 0 <= script.fail_at < len(script.words) and (first < script.fail_at or not given)
        if fails:
            words = words[: script.fail_at - first]
        cut = len(words) > request.max_output_tokens
        words = words[: request.max_output_tokens]
        async for batch in _paced(script, words, first):
            yield batch
        if script.finish is None or (fails and not cut):
            raise ProviderUnreachable("The script broke the reply off, as it was told to.")
        finish = FinishReason.LENGTH if cut else script.finish
        yield (StepEnd(finish_reason=finish, usage=_usage(request, len(words))),)

    def _script(self, request: ModelRequest) -> Script:
        said = [message.content for message in request.messages if message.role is Role.USER]
        message = said[-1] if said else ""
        if request.model != SCRIPT.name:
            return Script(words=words_of(support_reply(message, said[:-1])), interval=self._delay)
        try:
            return ordered_script(message)
        except (ValueError, OverflowError) as error:
            raise ProviderRefused(f"This script cannot be read: {error}.") from error


async def _paced(
    script: Script, words: tuple[str, ...], first: int
) -> AsyncGenerator[Sequence[StepEvent], None]:
    """The words at their time, one timer a step; who comes late gets all that are due in one chunk."""
    loop = asyncio.get_running_loop()
    interval = script.interval.total_seconds()
    start = loop.time() + script.first_after.total_seconds()
    pause_at = script.pause_at - first
    at = 0
    while at < len(words):
        if at == pause_at:
            start += script.pause.total_seconds()
        await asyncio.sleep(max(start + at * interval - loop.time(), 0))
        due = int((loop.time() - start) / interval) + 1 if interval else len(words)
        end = max(due, at + 1)
        if at < pause_at < end:
            end = pause_at
        yield (Chunk(content="".join(words[at:end])),)
        at = min(end, len(words))


def _usage(request: ModelRequest, output_tokens: int) -> Usage:
    input_tokens = sum(estimate_tokens(message.content) for message in request.messages)
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens)
