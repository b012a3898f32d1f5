"""A provider whose tokens anybody can count: a word is a token. It says what it is given to say."""

from collections.abc import AsyncGenerator, Sequence

from chatapp.domain.events import Chunk
from chatapp.domain.messages import FinishReason
from chatapp.providers.base import Model, ModelRequest, Readiness, StepEnd, StepEvent


class WordProvider:
    """Says its batches one after the other; `closed` once its stream was closed or came to its end."""

    name = "words"

    def __init__(self, *batches: Sequence[StepEvent], context_tokens: int = 1000) -> None:
        self.batches = batches
        self.model = Model(provider=self.name, name="w", label="w", context_tokens=context_tokens)
        self.closed = False

    async def open(self) -> None:
        """Nothing takes time."""

    async def close(self) -> None:
        """Nothing is open."""

    def readiness(self) -> Readiness:
        return Readiness(usable=True)

    async def wait_ready(self) -> None:
        """Always ready."""

    async def models(self) -> Sequence[Model]:
        return [self.model]

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        try:
            for batch in self.batches:
                yield batch
        finally:
            self.closed = True


def said(text: str) -> Chunk:
    return Chunk(content=text)


END = StepEnd(finish_reason=FinishReason.STOP)
