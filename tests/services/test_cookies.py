"""A guest's cookie is ours or nobody's, and what is known of the guest gives no cookie away."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.services.cookies import LoginCookies, as_header, principal_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TTL = timedelta(days=30)


def cookies(secret: str = "s" * 40, now: datetime = NOW) -> LoginCookies:
    return LoginCookies(secret_key=secret, ttl=TTL, now=lambda: now)


def test_a_cookie_names_one_guest() -> None:
    cookie = cookies().make()
    guest = cookies().read(cookie)
    assert guest is not None
    assert guest == cookies(now=NOW + timedelta(days=29)).read(cookie)
    assert guest.expires_at == NOW + TTL
    assert guest != cookies().read(cookies().make())


def test_ids_are_apart_and_not_in_the_cookie() -> None:
    cookie = cookies().make()
    guest = cookies().read(cookie)
    assert guest is not None
    assert guest.own_account_id != guest.login_id
    assert guest.own_account_id not in cookie
    assert guest.login_id not in cookie


def test_it_ends_when_its_time_is_over() -> None:
    cookie = cookies().make()
    assert cookies(now=NOW + TTL - timedelta(seconds=1)).read(cookie)
    assert cookies(now=NOW + TTL).read(cookie) is None


def test_a_clock_that_is_behind_logs_nobody_out() -> None:
    """By less than a day: what comes from further in the future does not hold yet."""
    assert cookies(now=NOW - timedelta(hours=23)).read(cookies().make()) is not None
    assert cookies(now=NOW - timedelta(hours=25)).read(cookies().make()) is None


def test_another_secret_reads_nothing() -> None:
    for cookie in (cookies().make(), cookies().make_member()):
        assert cookies(secret="t" * 40).read(cookie) is None
        assert cookies(secret="t" * 40).visitor(cookie) is None


def test_what_was_ours_names_one_visitor_for_ever() -> None:
    cookie = cookies().make_member()
    later = cookies(now=NOW + 3 * TTL)
    visitor = later.visitor(cookie)
    assert visitor is not None
    assert visitor == later.visitor(cookie)
    assert visitor.expires_at > NOW + 3 * TTL
    assert principal_of(as_header(visitor)) == visitor


def test_any_change_is_noticed() -> None:
    cookie = cookies().make()
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        changed = cookie[:place] + other + cookie[place + 1 :]
        # The last characters of base64url carry bits that decode to nothing; the text must be the same.
        assert cookies().read(changed) is None
        assert cookies().visitor(changed) is None


@pytest.mark.parametrize(
    "cookie", ["", "v1", "v1...", "v1.a.b.c", "login", "\0", "é" * 100, "v1." + "A" * 9000]
)
def test_rubbish_is_nobody(cookie: str) -> None:
    assert cookies().read(cookie) is None
    assert cookies().visitor(cookie) is None


def test_the_house_passes_the_guest_on_without_the_cookie() -> None:
    cookie = cookies().make()
    claim = cookies().read(cookie)
    assert claim is not None
    guest = claim.principal()
    assert guest is not None
    assert principal_of(as_header(guest)) == guest
    assert cookies().read(as_header(guest)) is None


@pytest.mark.parametrize(
    "header", ["", "login=", "login=x; login=y", f"login={'0' * 32}.{'0' * 32}.admin.1795257181"]
)
def test_other_headers_name_nobody(header: str) -> None:
    assert principal_of(header) is None


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_no_text_is_an_error(text: str) -> None:
    assert cookies().read(text) is None
    assert principal_of(text) is None
