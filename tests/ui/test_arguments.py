"""What browsers hand to handlers is checked before anything is done with it."""

from collections.abc import Callable

import pytest

from chatapp.domain.errors import Invalid
from chatapp.ui.arguments import identifier, position, words

NOTHING = [None, [], {}, b"x", 1.5, float("nan")]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (identifier, ["a", "A-z_0", "x" * 64], [*NOTHING, 1, "", "x" * 65, "a b", "a\n", "~a", "\u00e9"]),
        (words, ["", "\x00", "\ud800"], [*NOTHING, 1]),
        (position, [0, 1, 1_000_000], [*NOTHING, "1", -1, 10**30]),
    ],
)
def test_only_what_a_page_of_ours_sends_is_taken(
    check: Callable[[object], object], good: list[object], bad: list[object]
):
    """Everything else is refused in words, whatever its type."""
    for value in good:
        assert check(value) == value
    for value in bad:
        with pytest.raises(Invalid):
            check(value)
