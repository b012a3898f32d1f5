"""What one process says to the others at once, and what waits to be said."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from chatapp.streams.base import Missed, Notice
from chatapp.streams.notice_codec import dump_notice

log = logging.getLogger(__name__)

#: A notice that is longer is not carried: who hears of it reads the database.
MAX_NOTICE_BYTES: Final = 256 * 1024
#: As much waits to be said while Redis does not take it, some seconds of a busy worker; then it is dropped.
MAX_WAITING_BYTES: Final = 8 * 1024 * 1024


class Bundle(msgspec.Struct, omit_defaults=True):
    """Notices with their topics, in order; none of them, and it only says that its sender is there.

    `number` counts the sender's bundles. `lost`: it had more to say before this, and could not.
    `leaving`: it is about to end, so that its silence means nothing.
    """

    sender: str
    number: int = 0
    lost: bool = False
    leaving: bool = False
    notices: Sequence[tuple[str, msgspec.Raw]] = ()


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Bundle).decode


class Outbox:
    """Notices that wait for the next bundle. Never more than `MAX_WAITING_BYTES`: what does not fit is lost,
    and the next bundle says so."""

    def __init__(self, sender: str) -> None:
        self.filled: asyncio.Event = asyncio.Event()
        self._sender: str = sender
        self._notices: list[tuple[str, msgspec.Raw]] = []
        self._bytes: int = 0
        self._number: int = 0
        self._lost: bool = False

    def put(self, topic: str, notice: Notice) -> None:
        """Has the notice in the next bundle."""
        data = _carried(notice)
        if self._bytes + len(data) > MAX_WAITING_BYTES:
            self.lose()
            self._notices, self._bytes = [], 0
        self._notices.append((topic, msgspec.Raw(data)))
        self._bytes += len(data)
        self.filled.set()

    def lose(self) -> None:
        """What was said last may not have been heard."""
        self._lost = True

    def take(self, *, leaving: bool = False) -> Bundle:
        """All that waits."""
        self._number += 1
        bundle = Bundle(self._sender, self._number, self._lost, leaving, self._notices)
        self._notices, self._bytes, self._lost = [], 0, False
        self.filled.clear()
        return bundle


def _carried(notice: Notice) -> bytes:
    try:
        data = dump_notice(notice)
    except UnicodeEncodeError:
        log.exception("a notice cannot be said to other processes")
        data = b""
    return data if 0 < len(data) <= MAX_NOTICE_BYTES else dump_notice(Missed())
