"""The tests' own server can be believed: its text is numbered, and goes on from any place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.upstream.knobs import knobs_of
from tests.upstream.tokens import numbers, remaining, text


@given(count=st.integers(0, 200), at=st.integers(0, 2000))
def test_what_remains_follows_what_is_given(count: int, at: int) -> None:
    """From any character on, also within a token."""
    whole = text(count)
    given_text = whole[: at % (len(whole) + 1)]
    assert given_text + "".join(remaining(count, given_text)) == whole


def test_another_beginning_is_not_ours() -> None:
    """Then the whole text follows."""
    assert "".join(remaining(5, "something else")) == text(5)


@given(count=st.integers(0, 200))
def test_every_token_carries_its_number(count: int) -> None:
    """Loss, doubling and order can be counted."""
    assert numbers(text(count)) == list(range(count))


def test_knobs() -> None:
    """The message's word counts more than the model's name; what is no knob is passed over."""
    said = knobs_of("mock-400-30-200", "please [n:7 fault:rst what:ever] and [a list] too")
    assert (said.n, said.r, said.t, said.fault) == (7, 30.0, 200.0, "rst")
    assert knobs_of("gpt", "hello").n == 100


@pytest.mark.parametrize(("said", "at"), [("[n:10]", 5), ("[n:10 at:0]", 0), ("[n:10 at:9]", 9)])
def test_a_fault_has_its_place(said: str, at: int) -> None:
    """The middle, if nothing else is said."""
    assert knobs_of("mock", said).fault_at == at
