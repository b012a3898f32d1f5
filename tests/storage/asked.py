"""What a database is asked while a block runs."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, event


class Asked(NamedTuple):
    """A statement as the driver gets it."""

    statement: str
    parameters: Any


@contextmanager
def asked(of: Connection | type[Engine] = Engine) -> Generator[list[Asked]]:
    """Filled as the block runs: of one transaction, or of every database of this process."""
    found: list[Asked] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append(Asked(statement, parameters))

    event.listen(of, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(of, "before_cursor_execute", note)
