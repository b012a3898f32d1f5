"""What a screen reader is told of a growing reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.ui.speech import MOST_CHARS, PAUSE_SECONDS, Speech

AT = 1000.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is so. And", "It is so."),
        ("# A **title**\n- [x] done\n- [a link](https://example.com/x) there\n", "A title done a link there"),
        ("Look:\n```python\nx = 1. y\n```\nThat is all.\n", "Look: That is all."),
        ("| a | b |\n|---|---|\n| 1. | 2 |\n\nAfter. \n", "Table. After."),
        ("So:\n$$\nx = 1. y\n$$\n$$e = 1$$\nIndeed.\n", "So: Indeed."),
        ("Version 1.5 of it", ""),
    ],
)
def test_whole_sentences_without_marks(text, said):
    """Code and formulas are passed over, a table is named; what is not whole waits."""
    speech = Speech()
    for letter in text:
        speech.append(letter)
    assert speech.take(AT) == said


@given(st.text(alphabet="ab.! \n`|$#-", max_size=200), st.integers(1, 9))
def test_pieces_make_no_difference(text, size):
    """However the text comes, the same is said, and no part of it twice."""
    whole, grown = Speech(), Speech()
    whole.append(text)
    for at in range(0, len(text), size):
        grown.append(text[at : at + size])
    for speech in (whole, grown):
        speech.append("\n")
    assert " ".join(whole._pending) == " ".join(grown._pending)


def test_once_a_second_at_most_and_the_newest_wins():
    """Sentences wait for their turn; when too many wait, the oldest are not said."""
    speech = Speech("Said before. ")
    assert speech.take(AT) == ""
    speech.append("First. ")
    assert speech.take(AT) == "First."
    for number in range(100):
        speech.append(f"This is sentence {number}. ")
    assert speech.take(AT + PAUSE_SECONDS - 0.001) == ""
    said = speech.take(AT + PAUSE_SECONDS)
    assert len(said) <= MOST_CHARS + 20
    assert said.endswith("This is sentence 99.")
    assert speech.take(AT + 2 * PAUSE_SECONDS) == ""
