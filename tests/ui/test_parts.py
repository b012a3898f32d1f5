"""A growing markdown is parted where nothing before can change any more, however it comes in pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatapp.ui.parts import ENOUGH_CHARS, MOST_CHARS, MOST_ROWS, Cuts

LINES = st.sampled_from(
    (
        "", "Some words. " * 30, "- item", "  more of it", "1. one", "```python", "```", "~~~", "    code",
        "# Title", "| a | b |", "|---|---|", "| 1 | 2 |", "$$", r"\[", r"\]", "[^1]: note", "> said",
        "words 👋 " * 90, "x" * 9_000,
    )
)  # fmt: skip
texts = st.lists(LINES, max_size=60).map("\n".join)


def parts(text: str) -> list[str]:
    """What a browser makes of the cuts: each part with what stands before it."""
    units = text.encode("utf-16-le")
    marks = [(0, ""), *Cuts(text).cuts, (len(units) // 2, "")]
    return [lead + units[2 * at : 2 * end].decode("utf-16-le") for (at, lead), (end, _) in pairwise(marks)]


@given(texts, st.lists(st.integers(1, 400), min_size=1, max_size=50))
def test_pieces_make_no_difference(text, sizes):
    """However a text is split, its cuts are the same; and none is ever taken back."""
    grown, at = Cuts(), 0
    while at < len(text):
        for size in sizes:
            before = list(grown.cuts)
            grown.append(text[at : at + size])
            assert grown.cuts[: len(before)] == before
            at += size
    assert grown.cuts == Cuts(text).cuts


@given(texts)
def test_nothing_is_lost_and_no_part_is_long(text):
    """The parts without their leads are the text; a part is short enough to be drawn at each token."""
    leads = ["", *(lead for _, lead in Cuts(text).cuts)]
    found = parts(text)
    own = [part.removeprefix(lead) for part, lead in zip(found, leads, strict=True)]
    assert "".join(own) == text
    longest = max((len(line) for line in text.split("\n")), default=0)
    assert max(map(len, found), default=0) <= 3 * MOST_CHARS + longest


def test_code_at_the_margin_is_a_part_of_its_own():
    """With all that is in it, and nothing around it."""
    code = "```python\nx = 1\n\ny = 2\n```\n"
    assert parts(f"Look:\n{code}That is all.\n") == ["Look:\n", code, "That is all.\n"]


def test_code_in_a_list_stays_in_it():
    """It is no part, since it belongs to its item."""
    assert Cuts("- item\n\n  ```\n  x\n  ```\n\n- next\n").cuts == []


def test_a_long_table_goes_on_under_the_same_head():
    """Each part of it is a table."""
    head, row = "| a | b |\n|---|---|\n", "| 1 | 2 |\n"
    found = parts(head + row * (2 * MOST_ROWS + 5))
    assert len(found) == 3
    assert all(part.startswith(head + row) for part in found)


def test_long_code_goes_on_in_the_same_language():
    """Each part of it opens the fence again."""
    found = parts("~~~js\n" + "let a = 1;\n" * (2 * MOST_CHARS // 10) + "~~~\n\nEnd\n")
    assert all(part.startswith("~~~js\n") for part in found[:-1])
    assert found[-1] == "\nEnd\n"


def test_what_a_definition_may_change_stays_together():
    """A footnote is looked for in its own part; what came before it was long enough to be parted anyway."""
    paragraph = "Words[^1] and more of them. " * (ENOUGH_CHARS // 20) + "\n\n"
    assert Cuts("[^1]: The note.\n\n" + paragraph * 2).cuts == []


def test_a_list_is_not_torn_apart():
    """Its items count on, and are as far apart as before."""
    item = "1. " + "words " * 60 + "\n\n"
    assert Cuts(item * (MOST_CHARS // len(item) - 1)).cuts == []
