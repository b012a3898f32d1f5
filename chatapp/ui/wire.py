"""Straight to a tab's socket: past Reflex's state store and its locks, which a token has no need of."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import reflex as rx
from engineio.packet import MESSAGE
from engineio.packet import Packet as Frame
from reflex_base.constants import SocketEvent
from socketio.packet import EVENT
from typing_extensions import override

_EVENT: Final = str(SocketEvent.EVENT)
Delta = Mapping[str, Mapping[str, Any]]

#: Frames that may wait for a tab. One is being written and one is next; more means that the browser does not
#: read as fast as we write, and then it is better served with all of it, later.
MAX_WAITING: Final = 2


class Wire(Protocol):
    """What the emitter needs of the sockets."""

    def waiting(self, token: str) -> int | None:
        """How many frames wait for this tab; None when it has no socket here."""
        ...

    def encode(self, delta: Delta) -> Any:
        """The delta as a frame that can be sent to any number of tabs."""
        ...

    async def send(self, token: str, frame: Any) -> None:
        """Queue the frame for this tab."""
        ...


class ReflexWire(Wire):
    """The sockets of a Reflex app. Engine.IO's own queue is asked and filled, with no task for each frame."""

    def __init__(self, app: rx.App) -> None:
        if app.sio is None or app.event_namespace is None:
            raise RuntimeError("the app has no state")
        self._sio = app.sio
        self._namespace = app.event_namespace

    def _socket(self, token: str) -> Any | None:
        # `token_to_sid` would make a new dictionary of all tabs at each call.
        record = self._namespace._token_manager.token_to_socket.get(token)
        if record is None:
            return None
        name = self._namespace.namespace
        return self._sio.eio.sockets.get(self._sio.manager.eio_sid_from_sid(record.sid, name))

    @override
    def waiting(self, token: str) -> int | None:
        socket = self._socket(token)
        return None if socket is None or socket.closed else socket.queue.qsize()

    @override
    def encode(self, delta: Delta) -> Frame:
        # The packet that Socket.IO would make; its JSON by a faster writer, since all of it is plain values.
        body = msgspec.json.encode([_EVENT, {"delta": delta}]).decode()
        return Frame(MESSAGE, f"{EVENT}{self._namespace.namespace},{body}")

    @override
    async def send(self, token: str, frame: Frame) -> None:
        if (socket := self._socket(token)) is not None:
            await socket.send(frame)
