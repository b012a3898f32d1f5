"""What reading a streamed step is, whatever the vendor's format: texts are joined, calls kept to the end."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final

from chatapp.domain.errors import ProviderError, ProviderGarbage, ProviderUnreachable
from chatapp.domain.events import Chunk, Reasoning, ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.domain.texts import clean
from chatapp.providers.base import StepEnd, StepEvent

#: Events that are no objects, such as "ping": a few are somebody's habit, many are not a model's answer.
#: A damaged object is never passed over: it may have been a word of the reply.
MAX_UNREADABLE: Final = 20

_Kind = type[Chunk] | type[Reasoning]


class StepReader(ABC):
    """Reads one step. Adjacent texts of one read become one event, so cost follows reads and not tokens.

    `finished` once a finish reason came; `ended` once the format's end mark came, after which nothing is
    read. `failure` once the stream said that the model failed, which may be in one read with text.
    """

    def __init__(self) -> None:
        self.finished = False
        self.ended = False
        self.seen = False
        self.failure: ProviderError | None = None
        self.reason = FinishReason.STOP
        self.usage = Usage()
        self._unreadable = 0
        self._out: list[StepEvent] = []
        self._kind: _Kind = Chunk
        self._texts: list[str] = []

    def read(self, events: Iterable[bytes]) -> list[StepEvent]:
        """The events of one network read, without the end of the step.

        Raises:
            ProviderError: the stream says that the model failed, or it is not the vendor's format; and no
                text came before in this read, else that is returned.
        """
        try:
            self._take_all(events)
        except ProviderError as error:
            self.failure = None if self.finished else error
        self._settle(last=self.failure is not None)
        out, self._out = self._out, []
        if self.failure is not None and not out:
            raise self.failure
        return out

    def end(self) -> list[StepEvent]:
        """What ends the step: the rest of the text, tool calls, `StepEnd`.

        Raises:
            ProviderUnreachable: no finish reason came: the reply was cut off, even if its end was marked.
        """
        if self.failure is not None:
            raise self.failure
        if not self.finished:
            raise ProviderUnreachable("The model's server broke the reply off before its end.")
        self._settle(last=True)
        return [*self._out, *self.calls(), StepEnd(finish_reason=self.reason, usage=self.usage)]

    @abstractmethod
    def take(self, data: bytes) -> bool:
        """Reads one event of the vendor's; False when it is none. Raises `ProviderError`."""

    @abstractmethod
    def calls(self) -> Sequence[ToolCall]:
        """The tool calls of the step, whole."""

    def add(self, kind: _Kind, text: str) -> None:
        """More text of the reply or of its reasoning."""
        if kind is not self._kind:
            self._settle(last=True)
            self._kind = kind
        self._texts.append(text)

    def _take_all(self, events: Iterable[bytes]) -> None:
        for data in events:
            if self.ended:
                break
            self._take(data)

    def _take(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.ended = True
        elif self.take(data):
            self.seen = True
        elif b"\n" in data:
            # Servers that leave the empty lines out seem to send one event of many lines.
            self._take_all(data.split(b"\n"))
        elif data.startswith(b"{"):
            raise ProviderGarbage("The model's server sent a damaged piece of the reply.")
        elif data.strip():
            self._unreadable += 1
        if self._unreadable > MAX_UNREADABLE:
            raise ProviderGarbage

    def _settle(self, *, last: bool) -> None:
        """Makes one event of the texts so far.

        Servers that count in UTF-16 cut between the halves of a pair: a first half waits for its second.
        """
        if not self._texts:
            return
        text = "".join(self._texts)
        self._texts.clear()
        if text and not last and "\ud800" <= text[-1] <= "\udbff":
            self._texts.append(text[-1])
            text = text[:-1]
        if text := clean(text):
            self._out.append(self._kind(content=text))
