"""What a client can cause without end does not fill the log."""

import logging

from chatapp.telemetry.rare import LINES, Rarely


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, "x.py", 1, text, ("name",), None)


def test_a_kind_of_line_is_written_only_so_often() -> None:
    now = 100.0
    rarely = Rarely(lambda: now)
    assert sum(rarely.filter(record("refused %s")) for _ in range(1000)) == LINES
    assert rarely.filter(record("something else %s"))
    now += 61
    assert rarely.filter(record("refused %s"))


def test_the_last_one_says_so() -> None:
    rarely = Rarely(lambda: 0.0)
    lines = [record("refused %s") for _ in range(LINES)]
    assert all(rarely.filter(line) for line in lines)
    assert lines[-1].getMessage() == "refused name (and no more of these for a while)"
