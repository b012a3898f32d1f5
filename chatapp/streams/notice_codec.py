"""Notices as JSON, for other processes. They may be older or newer than this one."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, get_args

import msgspec

from chatapp.domain.event_codec import dump_event, from_ms, load_event, to_ms
from chatapp.domain.events import Logged
from chatapp.streams.base import Notice, Progress


class UnknownNotice(Exception):
    """A later version says something that this one does not know."""


class _Records(msgspec.Struct):
    """`Progress` on the way. A record is its seq, its time in ms, and kind and fields of its event."""

    run_id: str
    message_id: str
    records: list[tuple[int, int, str, msgspec.Raw]]


_PROGRESS: Final = "progress"


def _kind(notice: type[Any]) -> str:
    return next(str(field.default) for field in fields(notice) if field.name == "kind")


_decode = msgspec.json.Decoder(tuple[str, msgspec.Raw]).decode
_decode_records = msgspec.json.Decoder(_Records).decode
#: Every notice but `Progress` is as its class says: one that is added there is known here.
_decoders: Final[Mapping[str, msgspec.json.Decoder[Notice]]] = {
    _kind(notice): msgspec.json.Decoder(notice) for notice in get_args(Notice) if notice is not Progress
}


def dump_notice(notice: Notice) -> bytes:
    """JSON of its kind and its fields. Raises `UnicodeEncodeError` for text that is none."""
    return msgspec.json.encode((notice.kind, _records(notice) if isinstance(notice, Progress) else notice))


def load_notice(data: bytes | msgspec.Raw) -> Notice:
    """The notice that `dump_notice` wrote. Raises `UnknownNotice`."""
    try:
        kind, body = _decode(data)
        return _progress(body) if kind == _PROGRESS else _decoders[kind].decode(body)
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError) as error:
        raise UnknownNotice from error


def _records(progress: Progress) -> _Records:
    return _Records(
        run_id=progress.run_id,
        message_id=progress.message_id,
        records=[
            (one.seq, to_ms(one.at), one.event.kind, msgspec.Raw(dump_event(one.event)))
            for one in progress.records
        ],
    )


def _progress(body: msgspec.Raw) -> Progress:
    found = _decode_records(body)
    records = (
        Logged(seq=seq, at=from_ms(at_ms), event=load_event(kind, str(data, "utf-8")))
        for seq, at_ms, kind, data in found.records
    )
    return Progress(run_id=found.run_id, message_id=found.message_id, records=tuple(records))
