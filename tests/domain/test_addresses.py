"""A link to the log-in page can lead to no other host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.addresses import local_path

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize("path", ["/", f"/c/{ID}", f"/c/{ID}?m={ID}", "/settings", "/admin"])
def test_pages_of_ours_stay(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "c/1", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "https://evil.example", "javascript:alert(1)", "/%2f/evil.example",
        "/.//evil.example", "/..//evil.example", "/c/1\n", "/c/1#//evil", "/c/1?next=//evil",
        "/@evil.example", "/evil.example", "/c/\u2044evil", "/c//1", "/login", "/login?next=/login", "/Login",
        "/api/logout", "/api", "/c/1?m=", f"/c/{'a' * 65}", None, 7, b"/", ["/"], {"path": "/"},
    ],
)  # fmt: skip
def test_everything_else_is_the_first_page(path: object) -> None:
    assert local_path(path) == "/"


@given(st.text())
def test_no_text_leads_away(text: str) -> None:
    for value in (text, f"/{text}", f"//{text}", f"/c/{text}"):
        found = local_path(value)
        assert found in {"/", value}
        assert found.startswith("/")
        assert not set(found) & set("\\:@%.#\n\t ")
        assert not found.startswith("//")
