"""What grows in levels: any chunking is the same whole, and what is sent stays in proportion to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.ui.levels import LEVELS, live_cuts, live_text


class Reader:
    """A browser: it knows only what was sent, and counts it."""

    def __init__(self) -> None:
        self.levels = [""] * LEVELS
        self.characters = 0

    def apply(self, changes: dict[int, str]) -> None:
        for level, text in changes.items():
            self.levels[level] = text
            self.characters += len(text)

    @property
    def text(self) -> str:
        return "".join(reversed(self.levels))


@given(
    st.text(max_size=4_000),
    st.lists(
        st.tuples(st.just("add"), st.text(max_size=2_000)) | st.tuples(st.just("cut"), st.integers(0, 5_000)),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_a_reader_that_applies_changes_has_the_text(start, steps, random):
    """However it is chunked, cut and read, the reader's text is the text."""
    live, reader, expected = live_text(start), Reader(), start
    reader.apply(dict(enumerate(live.levels)))
    for kind, value in steps:
        if kind == "add":
            live.append(value)
            expected += value
        else:
            live.cut(value)
            expected = expected[:value]
        if random.random() < 0.5:
            reader.apply(live.take_changes())
            assert reader.text == expected
    reader.apply(live.take_changes())
    assert reader.text == live.whole == expected


def test_nothing_new_is_nothing_to_send():
    """A reader that is up to date is sent nothing."""
    live = live_text()
    live.append("a")
    assert live.take_changes() == {0: "a"}
    assert live.take_changes() == {}
    live.append("")
    assert live.take_changes() == {}


def test_a_list_grows_in_the_same_way():
    """Its parts together are the list, and it can be cut."""
    cuts = tuple((at, "") for at in range(3_000))
    live, reader = live_cuts(cuts[:10]), [(), (), (), (), (), cuts[:10]]
    for cut in cuts[10:]:
        live.append((cut,))
        for level, value in live.take_changes().items():
            reader[level] = value
    assert sum(reversed(reader), ()) == live.whole == cuts
    live.cut(7)
    assert live.whole == cuts[:7]
    assert live.take_changes() == dict(enumerate(live.levels))


def _sent_per_character(length: int, per_flush: int) -> float:
    live, reader = live_text(), Reader()
    for _ in range(0, length, per_flush):
        live.append("x" * per_flush)
        reader.apply(live.take_changes())
    return reader.characters / length


@pytest.mark.parametrize("length", [1_600, 16_000, 128_000])
def test_cost_does_not_grow_with_the_reply(length):
    """A long reply costs about as much per character as a short one."""
    assert _sent_per_character(length, per_flush=6) < 35
    assert _sent_per_character(length, per_flush=40) < 20
