"""What providers have in common that ask a vendor's server: its list of models, and replies that stream."""

import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import ClassVar, Final

from chatapp.domain.errors import ProviderError
from chatapp.providers.base import Model, ModelRequest, Readiness, StepEvent
from chatapp.providers.capabilities import named_model
from chatapp.providers.model_list import ModelList
from chatapp.providers.reply_stream import ReplyStream
from chatapp.providers.windows import estimate_tokens

MAX_TRIES: Final = 3
#: Before a try of ours; the waits of SDKs are alike.
RETRY_DELAY: Final = timedelta(milliseconds=500)
LIST_TIMEOUT: Final = timedelta(seconds=5)
#: Connections beside the replies: lists of models, titles.
SPARE_CONNECTIONS: Final = 8


class AskedProvider(ABC):
    """See `Provider`. `server` is what messages call the server, `models` are names that are on offer whether
    or not it answers. `failures` are what goes wrong below the vendor's SDK.
    """

    failures: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, *, name: str, server: str, models: Sequence[str]) -> None:
        self.name = name
        self._server = server
        self._list = ModelList(fetch=self._fetch_models, given=[named_model(name, one) for one in models])

    def readiness(self) -> Readiness:
        """Usable once there is a model."""
        return self._list.readiness(self._server)

    async def wait_ready(self) -> None:
        """See `Provider`."""
        await self._list.wait()

    async def models(self) -> Sequence[Model]:
        """See `Provider`; only the first call waits, some seconds at most."""
        return await self._list.models()

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        """An estimate, see `estimate_tokens`: no tokenizer fits every model, and asking is a request."""
        return [estimate_tokens(text) for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        """See `Provider`."""
        reply, batch = await self._begin(request)
        try:
            while batch:
                yield batch
                batch = await self._next(reply, request.model)
        except ProviderError as error:
            error.usage = reply.usage
            raise
        finally:
            await reply.aclose()

    async def _next(self, reply: ReplyStream, model: str) -> Sequence[StepEvent]:
        try:
            return await reply.batch()
        except self.failures as error:
            raise self._error(error, model) from error

    @abstractmethod
    async def _begin(self, request: ModelRequest) -> tuple[ReplyStream, Sequence[StepEvent]]:
        """A reply and its first events. What breaks before them is tried again, nothing was shown yet."""

    @abstractmethod
    async def _fetch_models(self) -> Sequence[Model]:
        """The models that the server has now."""

    @abstractmethod
    def _error(self, error: Exception, model: str) -> ProviderError:
        """What went wrong, in words."""


def pause(tries: int) -> float:
    """Seconds before the next try: doubled each time, jittered, so that clients do not come back as one."""
    jitter = random.uniform(0.75, 1.0)  # noqa: S311 - no secret
    return RETRY_DELAY.total_seconds() * 2 ** (tries - 1) * jitter
