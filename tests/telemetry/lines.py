"""What the app's log would say, caught."""

import io
import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from chatapp.telemetry.logs import configure


class Lines:
    """The lines that were written so far."""

    def __init__(self) -> None:
        self.written = io.StringIO()

    @property
    def text(self) -> str:
        return self.written.getvalue()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines of a log for machines."""
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        """Those that one part of the app wrote."""
        return [line for line in self.objects if line["logger"] == logger]


@contextmanager
def logged(*, level: str = "info", as_json: bool = True) -> Generator[Lines]:
    """Sets up the log as the app does, but where it can be read."""
    ours, error, lines = logging.getLogger("chatapp"), sys.stderr, Lines()
    before = (ours.handlers[:], ours.level, ours.propagate)
    sys.stderr = lines.written
    try:
        configure(level=level, as_json=as_json)
        yield lines
    finally:
        sys.stderr = error
        ours.handlers[:], ours.propagate = before[0], before[2]
        ours.setLevel(before[1])
