"""Emails, passwords and names, as people type them and as they are kept."""

import pytest

from chatapp.domain.credentials import email_of, name_of, new_password_of, password_of
from chatapp.domain.errors import Invalid, WeakPassword


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ann@Example.org\n", "ann@example.org"),
        ("a.b+c@mail.example", "a.b+c@mail.example"),
        ("JÖRG@example.org", "jörg@example.org"),
        ("ann@localhost", "ann@localhost"),
        # Full-width characters, as an input method may write them.
        ("\uff21nn\uff20example.org", "ann@example.org"),
    ],
)
def test_an_email_is_kept_in_one_way(typed: str, kept: str):
    assert email_of(typed) == kept
    assert email_of(kept) == kept


@pytest.mark.parametrize(
    "typed", ["", "ann", "@example.org", "ann@", "a@b@c", "a b@c", "a\0@b", "a\u200b@b", "x" * 250 + "@b.org"]
)
def test_what_is_no_email_is_refused(typed: str):
    with pytest.raises(Invalid):
        email_of(typed)


@pytest.mark.parametrize("typed", ["12345678", "ЖЖЖЖЖЖЖЖ", "x" * 256, " leading and trailing "])
def test_a_password_is_what_somebody_wants(typed: str):
    assert new_password_of(typed, email="ann@example.org") == typed


@pytest.mark.parametrize("typed", ["", "1234567", "ann@example.org", " ANN@example.org "])
def test_what_everybody_would_guess_is_refused(typed: str):
    with pytest.raises(WeakPassword):
        new_password_of(typed, email="ann@example.org")


def test_a_password_has_an_end():
    assert password_of("x" * 256)
    with pytest.raises(Invalid):
        password_of("x" * 257)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        (" Ann  Lee ", "Ann Lee"),
        ("Ann\nLee", "Ann Lee"),
        ("\u202eeeL nnA", "eeL nnA"),
        ("<b>Ann</b>", "<b>Ann</b>"),
        ("Zoë 🦊", "Zoë 🦊"),
    ],
)
def test_a_name_is_one_line_that_looks_like_itself(typed: str, kept: str):
    assert name_of(typed) == kept


@pytest.mark.parametrize("typed", ["x" * 81, "x" * 100_000])
def test_a_name_has_an_end(typed: str):
    with pytest.raises(Invalid):
        name_of(typed)
