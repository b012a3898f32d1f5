"""How the app logs: one line an event, no text of any message, nothing that could forge another line.

A line has fields beside its text: those that whoever logs gives it (`extra=fields(status=200)`), and what is
known of the request or the run that it is about.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from typing_extensions import override

from chatapp.telemetry import exchange

#: A line longer than this is cut: what a client sends must not fill the disk.
MAX_LINE_CHARS = 4_000
#: They log each request with its URL at info; ours say what matters.
QUIET = ("httpx", "httpx2", "httpcore", "alembic", "asyncio", "watchfiles", "openai")

Field = str | int | float
_FIELDS: Final = "chatapp_fields"


def fields(**named: Field) -> dict[str, dict[str, Field]]:
    """`extra=` of a line that has fields of its own. Those that are "" are left out."""
    return {_FIELDS: {name: value for name, value in named.items() if value != ""}}


class _Formatter(logging.Formatter):
    """One line of printable characters, with its fields at the end."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return " ".join((line, *(f"{name}={value}" for name, value in _fields_of(record).items())))

    @override
    def format(self, record: logging.LogRecord) -> str:
        return _one_line(super().format(record))


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Field] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MAX_LINE_CHARS],
            **_fields_of(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-MAX_LINE_CHARS:]
        return json.dumps(line, ensure_ascii=True)


def configure(*, level: str, as_json: bool) -> None:
    """Sets up the log of this process, on standard error.

    Args:
        level: debug, info, warning or error.
        as_json: one JSON object a line instead of text for people.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if as_json else _Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    ours = logging.getLogger("chatapp")
    ours.handlers[:] = [handler]
    ours.setLevel(level.upper())
    ours.propagate = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _fields_of(record: logging.LogRecord) -> Mapping[str, Field]:
    # Formatted where it is logged, in the task that is busy with the request.
    own: Mapping[str, Field] = getattr(record, _FIELDS, {})
    return {**own, **{name: value for name, value in exchange.known().items() if name not in own}}


def _one_line(text: str) -> str:
    if len(text) > MAX_LINE_CHARS:
        text = text[:MAX_LINE_CHARS] + "…"
    # A traceback keeps its lines: they come from us, indented; other control characters are shown as escapes.
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
