"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `id` is the seq."""

from typing import Final

from chatapp.api.encoders import native
from chatapp.api.encoders.base import EncodedOnce
from chatapp.domain.events import Done, Logged
from chatapp.services.runs import Queued, RunInfo

#: When a client that was cut should come back: soon, since it is in mid-reply.
RETRY_MS: Final = 1000
#: An EventSource comes back though the run has ended, until its page closes it: then there is no hurry.
RETRY_AFTER_END_MS: Final = 60_000
KEEP_ALIVE: Final = b": keep-alive\n\n"


class SseEncoder:
    """Our own events, as server-sent events."""

    def __init__(self) -> None:
        self.record = EncodedOnce(_record)

    def opening(self, run: RunInfo) -> bytes:
        """The session, and when to come back."""
        return frame(native.dump(native.session(run)), retry_ms=_retry_ms(run.status.is_final))

    def queued(self, queued: Queued) -> bytes:
        """The place in the queue."""
        return frame(native.dump(native.queued(queued)))

    def idle(self) -> bytes:
        """A comment, which clients pass over."""
        return KEEP_ALIVE


def frame(data: str, *, seq: int | None = None, retry_ms: int | None = None) -> bytes:
    """One event. `data` is one line."""
    cursor = "" if seq is None else f"id: {seq}\n"
    retry = "" if retry_ms is None else f"retry: {retry_ms}\n"
    return f"{cursor}{retry}data: {data}\n\n".encode()


def _record(_run: RunInfo, record: Logged) -> bytes:
    event = native.of_record(record)
    if event is None:
        return b""
    retry_ms = _retry_ms(True) if isinstance(record.event, Done) else None
    return frame(native.dump(event), seq=record.seq, retry_ms=retry_ms)


def _retry_ms(has_ended: bool) -> int:
    return RETRY_AFTER_END_MS if has_ended else RETRY_MS
