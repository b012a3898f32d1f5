"""Server-sent events out of a stream of bytes, however it is cut (WHATWG HTML, 9.2 "Server-sent events")."""

from typing import Final

from chatapp.domain.errors import ProviderGarbage

#: A line longer than this is an attack or not an event stream. Vendors' longest, a whole tool call, is a few
#: KB.
MAX_LINE_BYTES: Final = 1_000_000
#: Lines that are no field of the format. A proxy may slip one in; a web page is many.
MAX_STRAY_LINES: Final = 20

_FIELDS: Final = (b":", b"event", b"id", b"retry", b"data")
_BOM: Final = b"\xef\xbb\xbf"


class Splitter:
    """Takes network reads, gives the data of the events that are whole.

    Bytes are cut at line ends before anybody decodes them, so that characters may be split over two reads.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._after_cr = False
        self.stray_lines = 0
        self.first_stray = b""

    def feed(self, read: bytes) -> list[bytes]:
        """The data of the events that this read completes.

        Raises:
            ProviderGarbage: a line is too long, or too many lines are no event's.
        """
        if self._after_cr and read:
            # The second half of a CRLF that was cut by the network.
            read = read.removeprefix(b"\n")
            self._after_cr = False
        if not read:
            return []
        if b"\n" not in read and b"\r" not in read:
            self._rest += read
            self._check(self._rest)
            return []
        self._after_cr = read.endswith(b"\r")
        lines = (bytes(self._rest) + read if self._rest else read).splitlines()
        self._rest = bytearray() if read.endswith((b"\n", b"\r")) else bytearray(lines.pop())
        self._check(self._rest)
        return self._events(lines)

    def flush(self) -> list[bytes]:
        """The data of a last event that no empty line ended, torn or not: that is for the reader to see."""
        lines = [bytes(self._rest), b""]
        self._rest = bytearray()
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._check(line)
                self._append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif line:
                self._other(line)
            elif self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
                self._held = 0
        return events

    def _append(self, value: bytes) -> None:
        self._data.append(value)
        self._held += len(value) + 1
        if self._held > MAX_LINE_BYTES:
            raise ProviderGarbage("The model's server sent an event that is too long.")

    def _other(self, line: bytes) -> None:
        self._check(line)
        if line.startswith(_BOM):
            self._events([line.removeprefix(_BOM)])
        elif line.startswith(b"error:"):
            # llama.cpp wrote its errors like this for years; what follows is the JSON of an error.
            self._append(line.removeprefix(b"error:"))
        elif not line.startswith(_FIELDS):
            self.first_stray = self.first_stray or line
            self.stray_lines += 1
            if self.stray_lines > MAX_STRAY_LINES:
                raise ProviderGarbage("The model's server sent something that is not a stream of events.")

    @staticmethod
    def _check(line: bytes | bytearray) -> None:
        if len(line) > MAX_LINE_BYTES:
            raise ProviderGarbage("The model's server sent a line that is too long.")
