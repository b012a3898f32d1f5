"""What a turn costs to send does not grow with the conversation, and nothing is lost by pouring."""

import json

from hypothesis import given
from hypothesis import strategies as st

from chatapp.ui.history import (
    BLOCKS,
    ORDER,
    PAGE,
    SLOTS,
    WINDOW,
    Joined,
    Rows,
    cut,
    joined,
    pour,
    put_before,
    settled,
)
from chatapp.ui.rows import Row, Siblings


def row(name: str, text: str = "") -> Row:
    return Row(
        id=name,
        parent="",
        role="user",
        status="complete",
        at="",
        text=text,
        cuts=(),
        thinking="",
        thought=0,
        seams=(),
        model="",
        error="",
        left_out=0,
        more=False,
        live=False,
        versions=Siblings(index=1, count=1, previous="", next=""),
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
    place = ORDER.index("window")
    assert (ORDER[place + 1 : place + 9], ORDER[place + 9 : -1], ORDER[-1]) == (BLOCKS, SLOTS, "tail")


def test_pages_of_older_messages_cost_the_same_and_stand_in_order():
    """Each message is sent a bounded number of times, however far one goes back."""
    text = "x" * 500
    held, sent, pages = empty(), 0, 60
    for number in range(pages):
        first = (pages - number - 1) * PAGE
        changes = put_before(tuple(row(str(first + n), text) for n in range(PAGE)), held)
        sent += sum(len(json.dumps(rows)) for rows in changes.values())
        held |= changes
    assert drawn(held) == [str(n) for n in range(pages * PAGE)]
    assert sent < 2.1 * len(json.dumps([row("1234", text)] * (pages * PAGE)))


@given(st.lists(st.integers(0, 3), min_size=len(ORDER), max_size=len(ORDER)), st.integers(0, 60))
def test_what_is_cut_off_is_the_end(sizes, keep):
    """Of any vars, any number of rows can be kept."""
    held = {
        name: tuple(row(f"{name}{n}") for n in range(size)) for name, size in zip(ORDER, sizes, strict=True)
    }
    counts = cut(keep, held)
    kept = {name: rows[: counts.get(name)] for name, rows in held.items()}
    assert drawn(kept) == drawn(held)[:keep]


def test_a_branch_is_joined_where_it_left():
    """What both have in common stays and is not sent again."""
    assert joined(["a", "b", "c"], ["b", "c", "d", "e"]) == Joined(keep=3, fresh=["d", "e"])
    assert joined(["a", "b", "c"], ["a", "b", "c"]) == Joined(keep=3, fresh=[])
    assert joined(["a", "b", "c"], ["a", "b", "x"]) == Joined(keep=2, fresh=["x"])
    assert joined(["a", "b", "c"], ["a", "b"]) == Joined(keep=2, fresh=[])
    assert joined(["b", "c"], ["a", "b", "x"]) == Joined(keep=1, fresh=["x"])
    assert joined(["a"], ["x", "y"]) is None
    assert joined([], ["x"]) is None


def test_a_turn_is_settled_when_another_reply_is_live():
    """The live reply and the message that it answers stay where they are."""
    assert settled(["q1", "a1", "q2", "a2"], "a2") == 2
    assert settled(["q1", "a1", "q2", "a2"], "a1") == 0
    assert settled(["q1", "a1"], "") == 2
