"""The list by date, as the reader's calendar has it."""

from datetime import UTC, datetime, timedelta

import pytest

from chatapp.domain.conversations import Conversation, Listed
from chatapp.ui.listing import dated

#: Shortly after midnight in Berlin, and still the day before in London and New York.
NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)


def used(*, hours: float) -> Listed:
    """A conversation that was used so long ago."""
    at = NOW - timedelta(hours=hours)
    conversation = Conversation(
        key=1, id=f"c{hours:g}", owner_id="o", title="t", created_at=at, updated_at=at
    )
    return Listed(conversation=conversation, generating=False)


def headings(*hours: float, offset: int = 0) -> list[str]:
    return [
        one["heading"] for one in dated((used(hours=one) for one in hours), now=NOW, offset_minutes=offset)
    ]


def test_each_group_is_named_once() -> None:
    days = [hour * 24 for hour in (0, 0.5, 1, 1.2, 3, 7, 8, 30, 31, 40, 75)]
    assert headings(*days) == [
        "Today", "", "Yesterday", "", "Previous 7 days", "", "Previous 30 days", "", "February", "January",
        "December 2025",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("offset", "expected"), [(0, ["Today"]), (60, ["Yesterday"]), (-300, ["Today"]), (10**9, ["Today"])]
)
def test_days_begin_where_the_reader_is(offset: int, expected: list[str]) -> None:
    assert headings(1, offset=offset) == expected


def test_a_clock_that_is_ahead_is_today() -> None:
    assert headings(-5) == ["Today"]
