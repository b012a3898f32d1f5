"""The answer to a request for a completion: whole, or as it is made."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from chatapp.api.encoders.openai import OpenAIEncoder, completion, error_frame
from chatapp.api.errors import problem
from chatapp.api.streaming import STREAM_HEADERS, parts_of, send_stream, while_there
from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, Conflict, Unavailable, status_of
from chatapp.domain.events import Attempt, Chunk, Done, Error, Logged, Reasoning
from chatapp.domain.messages import Failure
from chatapp.services.runs import RunInfo, Runs

logger = logging.getLogger(__name__)

#: A stream begins with its first word, so that whatever fails before is told by the status; but no later than
#: this, since networks give up what is silent.
BEGINS_AFTER: Final = timedelta(seconds=10)
RESTARTED: Final = "The model began again in mid-reply with other words."
TOO_LONG: Final = Failure(code=Unavailable.code, message="This stream is too old. Please ask again.")


class _FailedError(Exception):
    """The reply failed before anything of it was sent."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure: Failure = failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A run, who asked for it, and whether it is `for_now`: once they leave, nobody can come back for it."""

    run: RunInfo
    principal: Principal
    for_now: bool


class CompletionAnswer(Response):
    """Sends what the run makes. One that was asked for by a client that left before its end is stopped, if
    nobody can come back for it; any other goes on.

    Args:
        runs: where the run is followed.
        asked: the run.
        encoder: for a stream; None for the whole answer at once.
        headers: of the answer, beside its own.
    """

    def __init__(
        self, runs: Runs, asked: Asked, encoder: OpenAIEncoder | None, *, headers: dict[str, str]
    ) -> None:
        super().__init__(headers=headers | STREAM_HEADERS)
        del self.headers["content-length"]
        self._runs: Runs = runs
        self._asked: Asked = asked
        self._encoder: OpenAIEncoder | None = encoder
        self._more: dict[str, str] = headers
        self._began: bool = False
        self._ended: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers while the client is there."""
        encoder = self._encoder
        answer = self._stream(encoder, scope, receive, send) if encoder else self._whole(scope, receive, send)
        try:
            await while_there(receive, answer)
        finally:
            if self._asked.for_now and not self._ended:
                await asyncio.shield(self._stop())

    async def _stop(self) -> None:
        try:
            await self._runs.cancel(self._asked.principal, self._asked.run.id)
        except ChatError as error:
            logger.warning("a run that nobody waits for could not be stopped: %s", error.code)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        run = self._asked.run
        message = await self._runs.message(self._asked.principal, run.id)
        self._ended = True
        if message.status.is_failure:
            failure = message.failure or Failure(code=ChatError.code, message=ChatError().message)
            await _refused(scope, failure)(scope, receive, send)
        else:
            headers = self._more | {"Cache-Control": "no-store"}
            await JSONResponse(completion(run, message), headers=headers)(scope, receive, send)

    async def _stream(self, encoder: OpenAIEncoder, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._parts(encoder)) as parts:
            first = asyncio.ensure_future(anext(parts))
            try:
                await asyncio.wait({first}, timeout=BEGINS_AFTER.total_seconds())
                if first.done():
                    first.result()
                self._began = True
                stream = self._begun(encoder, first, parts)
                await send_stream(send, self.raw_headers, stream, at_the_end=error_frame(TOO_LONG))
            except _FailedError as error:
                await _refused(scope, error.failure)(scope, receive, send)
            finally:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)

    async def _begun(
        self, encoder: OpenAIEncoder, first: asyncio.Future[bytes], parts: AsyncGenerator[bytes]
    ) -> AsyncGenerator[bytes]:
        """The stream from its opening on: what goes wrong is told in it."""
        yield encoder.opening(self._asked.run)
        try:
            if not first.done():
                yield encoder.idle()
            yield await first
            async for part in parts:
                yield part
        except ChatError as error:
            yield error_frame(Failure(code=error.code, message=error.message))

    async def _parts(self, encoder: OpenAIEncoder) -> AsyncGenerator[bytes]:
        """What the run makes, in pieces. Raises what goes wrong; a failure of the model is a piece as well,
        once the stream has begun."""
        asked, sent, thoughts = self._asked, 0, True
        # Of a reply that is whole, or was begun again before any of that was sent, only what it comes to.
        at_the_end = asked.run.status.is_final
        async with aclosing(self._runs.events(asked.principal, asked.run.id)) as items:
            async for item in items:
                if isinstance(item, tuple):
                    self._ended = self._ended or any(isinstance(one.event, Done) for one in item)
                    if not self._began and (failure := _failure(item)):
                        raise _FailedError(failure)
                    at_the_end = _begins_again(item, sent) or at_the_end
                    if at_the_end:
                        continue
                    sent += sum(len(one.event.content) for one in item if isinstance(one.event, Chunk))
                    thoughts = thoughts and not any(isinstance(one.event, Reasoning) for one in item)
                elif not self._began:
                    continue
                for part in parts_of(asked.run, item, encoder):
                    yield part
        if not self._ended:
            raise await self._runs.why_cut(asked.principal, asked.run.id)
        if at_the_end:
            message = await self._runs.message(asked.principal, asked.run.id)
            for part in encoder.rest(asked.run, message, after=sent, thoughts=thoughts):
                yield part


def _failure(records: Sequence[Logged]) -> Failure | None:
    return next((one.event.failure for one in records if isinstance(one.event, Error)), None)


def _begins_again(records: Sequence[Logged], sent: int) -> bool:
    """Whether some of the text in these records is taken back in them. Raises `Conflict` when it is text that
    was sent, since these clients cannot be told."""
    there, again = sent, False
    for one in records:
        match one.event:
            case Chunk(content=content):
                there += len(content)
            case Attempt(keep_chars=keep_chars) if keep_chars < sent:
                raise Conflict(RESTARTED, advice="Please ask again.")
            case Attempt(keep_chars=keep_chars):
                again, there = again or keep_chars < there, min(keep_chars, there)
            case _:
                pass
    return again


def _refused(scope: Scope, failure: Failure) -> Response:
    return problem(scope["path"], status=status_of(failure.code), code=failure.code, detail=failure.message)
