"""What a turn costs to send does not grow with the conversation, and nothing is lost by pouring."""

import json

from hypothesis import given
from hypothesis import strategies as st

from chatapp.ui.history import BLOCKS, ORDER, SLOTS, WINDOW, Rows, fresh_ids, pour, settled
from chatapp.ui.rows import Row


def row(name: str, text: str = "") -> Row:
    return Row(
        id=name,
        role="user",
        status="complete",
        at="",
        text=text,
        thinking="",
        model="",
        error="",
        left_out=0,
        more=False,
    )


def empty() -> dict[str, Rows]:
    return dict.fromkeys(ORDER, ())


def drawn(held: dict[str, Rows]) -> list[str]:
    return [one["id"] for name in ORDER for one in held[name]]


@given(st.lists(st.integers(0, 3), max_size=150))
def test_pouring_keeps_the_order_and_the_newest_messages(turns):
    """What is drawn is always the end of all that was settled, and never less than a window of it."""
    held, all_of_it, number = empty(), [], 0
    for size in turns:
        rows = tuple(row(str(number + n)) for n in range(size))
        number += size
        all_of_it += [one["id"] for one in rows]
        held |= pour(rows, held)
        shown = drawn(held)
        assert shown == all_of_it[len(all_of_it) - len(shown) :]
        assert len(shown) >= min(len(all_of_it), WINDOW)


def test_a_turn_costs_the_same_however_many_there_were():
    """Each message is sent a bounded number of times, also when everything is poured together."""
    text = "x" * 500
    held, sent, turns = empty(), 0, 400
    for number in range(turns):
        changes = pour((row(f"q{number}", text), row(f"a{number}", text)), held)
        sent += sum(len(json.dumps(rows)) for rows in changes.values())
        held |= changes
    once = turns * len(json.dumps([row("q1", text), row("a1", text)]))
    assert sent < 3 * once


def test_slots_and_blocks_are_drawn_after_the_window():
    """The page draws the vars in this order."""
    assert (ORDER[0], ORDER[1:9], ORDER[9:17], ORDER[17]) == ("window", BLOCKS, SLOTS, "tail")


def test_fresh_messages_are_those_that_follow_what_is_shown():
    """Another branch, or a gap, is not taken for an addition."""
    assert fresh_ids(["a", "b", "c"], ["b", "c", "d", "e"]) == ["d", "e"]
    assert fresh_ids(["a", "b", "c"], ["a", "b", "c"]) == []
    assert fresh_ids(["a", "b", "c"], ["a", "b", "x"]) is None
    assert fresh_ids(["a", "b", "c"], ["a", "b"]) is None
    assert fresh_ids(["a"], ["x", "y"]) is None
    assert fresh_ids([], ["x"]) is None


def test_a_turn_is_settled_when_another_reply_is_live():
    """The live reply and the message that it answers stay where they are."""
    assert settled(["q1", "a1", "q2", "a2"], "a2") == 2
    assert settled(["q1", "a1", "q2", "a2"], "a1") == 0
    assert settled(["q1", "a1"], "") == 2
