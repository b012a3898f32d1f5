"""Snippets: the part of a text around what was searched for, and nothing that was not in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.snippets import LEAD_CHARS, SNIPPET_CHARS, Pieces, snippet


def joined(pieces: Pieces) -> str:
    return "".join(piece for piece, _ in pieces)


def marked(pieces: Pieces) -> list[str]:
    return [piece for piece, is_hit in pieces if is_hit]


@given(st.text(max_size=120), st.lists(st.text(max_size=6), max_size=4))
def test_a_short_text_is_given_back_as_it_is(text: str, words: list[str]):
    """Whatever is in it, whatever is searched for, marks or not."""
    assert joined(snippet(text, words)) == text


@given(st.text(min_size=170, max_size=600), st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_a_long_text_is_cut_to_a_part_of_it(text: str, words: list[str]):
    """A part as it is, with an ellipsis where something was left out."""
    whole = joined(snippet(text, words))
    assert len(whole) <= SNIPPET_CHARS + LEAD_CHARS + 2
    assert whole.removeprefix("…").removesuffix("…") in text


@given(
    st.text("abc é", max_size=400), st.text("abcé", min_size=1, max_size=4), st.text("abc é", max_size=400)
)
def test_the_word_is_in_the_part_that_is_shown(before: str, word: str, after: str):
    """And is marked whole."""
    assert word in [one[: len(word)] for one in marked(snippet(f"{before} {word}{after}", [word]))]


@pytest.mark.parametrize(
    ("text", "words", "hits"),
    [
        ("Café de l'Époque", ["epo"], ["Époque"]),
        ("Café de l'Époque", ["CAFÉ", "l'epo"], ["Café", "l'Époque"]),
        ("Cafe\u0301 creme", ["cafe"], ["Cafe\u0301"]),
        ("Cafe creme", ["cafe\u0301"], ["Cafe"]),
        ("cat concatenate cats cat_cat", ["cat"], ["cat", "cats", "cat", "cat"]),
        ("cat cats", ["cat", "x"], ["cat"]),
        ("snake_case and foo-bar", ["foo-b"], ["foo-bar"]),
        ("foo bar foobar", ["foo", "bar"], ["foo", "bar"]),
        ("a.*b (x|y)", ["a.*b"], ["a.*b"]),
        ("İstanbul straße", ["strasse"], []),
        ("日本語のテキスト", ["本語"], ["本語"]),
        ("日本語のAIモデルズ", ["本", "aiモデ"], ["本", "AIモデ"]),
        ("日本、語 AI-モデル", ["日本語", "aiモ"], ["日本、語", "AI-モ"]),
        ("AIs 生成AIs AI", ["ai", "生"], ["生", "AI"]),
        ("학교에 갔다", ["학교", "갔"], ["학교", "갔"]),
        ("anything", [], []),
        ("anything", ["!!!"], []),
    ],
)
def test_words_are_found_as_the_search_finds_them(text: str, words: list[str], hits: list[str]):
    """Without case and accents, the last one as a beginning, between anything that is no letter or digit."""
    assert marked(snippet(text, words)) == hits
