"""What people paste is kept as they meant it, and nothing that a database or a wire cannot hold gets in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.texts import MAX_TITLE_CHARS, clean, title_of

anything = st.text(st.characters(exclude_categories=[]))


@given(anything)
def test_cleaned_text_can_be_stored_and_sent(text: str):
    """Whatever comes in, what comes out is valid UTF-8 without NUL, and cleaning it again changes nothing."""
    cleaned = clean(text)
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_legal_text_is_not_touched(text: str):
    """Emoji, combining marks, right-to-left text and a byte order mark are kept exactly."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("\ud83d\ude42", "🙂"),
        ("a\ud83db", "a\ufffdb"),
        ("\ude42", "\ufffd"),
        ("a\x00b", "ab"),
        ("\ufeffשלום 👩‍👩‍👧 e\u0301", "\ufeffשלום 👩‍👩‍👧 e\u0301"),
    ],
)
def test_halves_of_characters_become_what_they_mean(given: str, kept: str):
    """A pair of surrogates is its character, a lone one is U+FFFD, NUL is left out."""
    assert clean(given) == kept


@given(anything.map(clean))
def test_a_title_is_one_short_line(text: str):
    """Never empty, never longer than the list is wide, never with a line break."""
    title = title_of(text)
    assert 0 < len(title) <= MAX_TITLE_CHARS
    assert len(title.splitlines()) == 1
    assert title == title.strip()


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is a monad?", "What is a monad?"),
        ("\n\n  # Plan\n\nfirst", "Plan"),
        ("```\n", "New chat"),
        ("  \n ###\n- ", "New chat"),
        ("> - quoted item", "quoted item"),
        ("a\tb  c", "a b c"),
        ("word " * 30, ("word " * 11).strip() + "…"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_a_title_says_what_the_message_begins_with(text: str, title: str):
    """The first line that says something, without its markdown, cut between words where there are any."""
    assert title_of(text) == title
