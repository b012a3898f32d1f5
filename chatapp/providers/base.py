"""What every provider of models promises.

A provider streams one model step. It yields *batches*: all that has arrived since it was last asked, so that
its cost follows the reader's pace and not the number of tokens. It ends with exactly one `StepEnd`; a stream
that breaks off without a finish reason raises `ProviderUnreachable` instead, for it is cut off, not complete.
Closing the iterator (`aclose()`) cancels the request upstream. Text arrives exactly as sent, surrogates and
NUL excepted, which no store could hold.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from chatapp.domain.events import Chunk, Reasoning, ToolCall
from chatapp.domain.messages import FinishReason, Role, Usage
from chatapp.domain.runs import NO_OPTIONS, RunOptions


def provider_of(model_id: str) -> str:
    """The name of a model's provider: what stands before the colon of its id."""
    return model_id.partition(":")[0]


class Capability(StrEnum):
    """What a model can do beside answering with text."""

    REASONING = "reasoning"
    TOOLS = "tools"
    VISION = "vision"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that a person can choose. `id` is `provider:name`, as in `DEFAULT_MODEL`.

    `context_tokens` is the window; where the server does not say, a careful guess.
    `capabilities` are the server's word, or else a careful guess.
    `notice` is shown beside the answer when it is not what one would expect of a model ("Scripted demo").
    """

    provider: str
    name: str
    label: str
    context_tokens: int
    notice: str = ""
    capabilities: frozenset[Capability] = frozenset()

    @property
    def id(self) -> str:
        """`provider:name`."""
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatMessage:
    """One message of a request."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One step. When the last message is the assistant's, its text is to be continued without a seam.

    Providers that cannot prefill say so to the model in words (an instruction beside the system message).
    Of the `options`, `system` and `max_tokens` are in `messages` and `max_output_tokens` already, and `stop`
    is seen to by the engine: a provider that hands it on spares the model what nobody reads.
    """

    model: str
    messages: tuple[ChatMessage, ...]
    max_output_tokens: int
    options: RunOptions = NO_OPTIONS

    @property
    def continues(self) -> bool:
        """True when the last message is a reply to go on with."""
        return bool(self.messages) and self.messages[-1].role is Role.ASSISTANT


@dataclass(frozen=True, kw_only=True, slots=True)
class StepEnd:
    """The model finished, and why."""

    finish_reason: FinishReason
    usage: Usage = Usage()


StepEvent = Chunk | Reasoning | ToolCall | StepEnd


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """Whether a provider can answer now. `progress` is 0..1 while it is being made ready, else None.

    `message` is a line for the page: what is going on, or why it cannot be had.
    """

    usable: bool
    message: str = ""
    progress: float | None = None

    @property
    def is_coming(self) -> bool:
        """True while waiting helps."""
        return not self.usable and self.progress is not None


class Provider(Protocol):
    """A vendor, or the model in this machine."""

    name: str

    async def open(self) -> None:
        """Begins what takes time (fetching, asking for models) in the background; returns at once."""
        ...

    async def close(self) -> None:
        """Ends children and connections."""
        ...

    def readiness(self) -> Readiness:
        """How it stands now; cheap."""
        ...

    async def wait_ready(self) -> None:
        """Returns when usable; raises `NoModel` with the reason when it will not be."""
        ...

    async def models(self) -> Sequence[Model]:
        """The models on offer, the best default first; cached. Empty when it cannot be had."""
        ...

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; exact where that is cheap, else an estimate that errs upwards."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        """Streams one step. Raises the `ProviderError`s of `domain.errors`.

        Retries of failed requests (at most 3 tries in all, `Retry-After` heeded) happen inside, and only
        before the first event; timeouts to connect and to the first byte are the provider's, the idle
        timeout between events is the caller's.
        """
        ...
