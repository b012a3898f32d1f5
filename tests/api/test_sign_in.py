"""The way in and out over HTTP, with the real services behind it."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest

from chatapp.domain.accounts import AccountKind
from chatapp.storage.security_events import SecurityEventRepository
from tests.api.front_door import EMAIL, HERE, PASSWORD, PUBLIC, Desk, desk

__all__ = ["desk"]


def cookie_of(answer: httpx.Response) -> Morsel[str]:
    [morsel] = SimpleCookie(answer.headers["set-cookie"]).values()
    return morsel


async def test_a_first_visit_gets_a_cookie(desk: Desk) -> None:
    """An empty script, so that the browser waits for it."""
    answer = await desk.browser().get("/api/enter.js")
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-store"
    morsel = cookie_of(answer)
    assert morsel.key == "chatapp_login"
    assert morsel["httponly"]
    assert not morsel["secure"]
    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("lax", "/", "")
    principal = await desk.accounts.resolve(morsel.value)
    assert principal is not None
    assert principal.kind is desk.accounts.cookies.first_visit


async def test_the_cookie_outlives_the_login(desk: Desk) -> None:
    """So that who comes back late is told so."""
    morsel = cookie_of(await desk.browser().get("/api/enter.js"))
    assert int(morsel["max-age"]) > desk.accounts.cookies.ttl.total_seconds()


async def test_on_https_the_cookie_is_bound_to_the_host(desk: Desk) -> None:
    answer = await desk.browser(policy=PUBLIC).get("/api/enter.js")
    morsel = cookie_of(answer)
    assert morsel.key == "__Host-chatapp_login"
    assert morsel["secure"]
    assert morsel["domain"] == ""


async def test_who_has_a_cookie_keeps_it(desk: Desk) -> None:
    for cookie in (await desk.newcomer(), (await desk.member()).cookie):
        assert "set-cookie" not in (await desk.browser(cookie).get("/api/enter.js")).headers


@pytest.mark.parametrize("value", ["", "x", "v1.a.1.b", "v2." + "A" * 43 + ".1700000000." + "A" * 43])
async def test_a_wrong_cookie_is_replaced(desk: Desk, value: str) -> None:
    assert "set-cookie" in (await desk.browser(value).get("/api/enter.js")).headers


async def test_another_site_cannot_replace_the_cookie(desk: Desk) -> None:
    """Its request comes without the cookie, and looks like a first visit."""
    answer = await desk.browser().get("/api/enter.js", headers={"Sec-Fetch-Site": "cross-site"})
    assert "set-cookie" not in answer.headers


async def test_a_member_who_has_logged_out_is_not_made_a_guest(desk: Desk) -> None:
    """Silently, in tabs that are open."""
    member = await desk.member()
    await desk.browser(member.cookie).post("/api/logout")
    answer = await desk.browser(member.cookie).get("/api/enter.js")
    assert "set-cookie" not in answer.headers


async def test_a_password_logs_in(desk: Desk) -> None:
    member = await desk.member()
    answer = await desk.browser().post("/api/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["email"], said["role"], said.keys()) == (
        EMAIL,
        "admin",
        {"email", "name", "role", "expires_at"},
    )
    principal = await desk.accounts.resolve(cookie_of(answer).value)
    assert principal is not None
    assert (principal.kind, principal.account_id) == (AccountKind.MEMBER, member.account.id)


async def test_a_wrong_password_and_a_wrong_email_are_one_answer(desk: Desk) -> None:
    await desk.member()
    wrong = [{"email": EMAIL, "password": PASSWORD + "x"}, {"email": "bob@example.org", "password": PASSWORD}]
    answers = [await desk.browser().post("/api/login", json=given) for given in wrong]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers
    assert "set-cookie" not in answers[0].headers


@pytest.mark.parametrize(
    "given",
    [
        {},
        [],
        "x",
        None,
        {"email": EMAIL},
        {"email": EMAIL, "password": 5},
        {"email": [EMAIL], "password": PASSWORD},
        {"email": EMAIL, "password": PASSWORD, "role": "admin"},
        {"email": EMAIL, "password": "secret" * 1000},
        {"email": "x" * 10_000, "password": PASSWORD},
        {"email": "no email", "password": PASSWORD},
    ],
)
async def test_what_is_no_log_in_is_refused_without_its_words(desk: Desk, given: Any) -> None:
    answer = await desk.browser().post("/api/login", json=given)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    for secret in (PASSWORD, "secret", "no email"):
        assert secret not in answer.text


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b'{"email": "\\ud800", "password": "\\ud800"}', b"[" * 100_000]
)
async def test_broken_text_is_a_refusal_too(desk: Desk, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await desk.browser().post("/api/login", content=body, headers=headers)
    assert answer.status_code in {400, 401, 422}
    assert "set-cookie" not in answer.headers


async def test_another_site_can_neither_log_in_nor_out(desk: Desk) -> None:
    """With the person's cookie or without."""
    member, given = await desk.member(), {"email": EMAIL, "password": PASSWORD}
    for origin in ("https://evil.example", "null"):
        for cookie in ("", member.cookie):
            for path, body in (("/api/login", given), ("/api/logout", None)):
                answer = await desk.browser(cookie).post(path, json=body, headers={"Origin": origin})
                assert answer.status_code == 403
                assert "set-cookie" not in answer.headers
    assert await desk.accounts.resolve(member.cookie)


async def test_programs_log_in_without_an_origin(desk: Desk) -> None:
    await desk.member()
    browser = desk.browser()
    del browser.headers["Origin"]
    answer = await browser.post("/api/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200


async def test_logging_in_anew_ends_the_login_before(desk: Desk) -> None:
    member = await desk.member()
    answer = await desk.browser(member.cookie).post("/api/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200
    await nobody(desk, member.cookie)


async def test_guesses_are_slowed_down(desk: Desk) -> None:
    """Whether there is such an account is not to be seen, and the right password does not help."""
    await desk.member()
    seen: dict[str, list[int]] = {}
    for email in (EMAIL, "bob@example.org"):
        browser = desk.browser()
        answers = [
            await browser.post("/api/login", json={"email": email, "password": "w" * 9}) for _ in range(11)
        ]
        seen[email] = [answer.status_code for answer in answers]
    assert seen[EMAIL][-1] == 429
    assert seen[EMAIL][:5] == [401] * 5
    answer = await desk.browser().post("/api/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many"


async def test_logging_out(desk: Desk) -> None:
    member = await desk.member()
    answer = await desk.browser(member.cookie).post("/api/logout")
    assert answer.status_code == 204
    morsel = cookie_of(answer)
    assert (morsel.value, morsel["max-age"], morsel["path"]) == ("", "0", "/")
    await nobody(desk, member.cookie)
    events = await desk.database.read(lambda work: SecurityEventRepository(work).newest(limit=9))
    assert [(one.kind.value, one.address) for one in events] == [
        ("logged_out", HERE.address),
        ("registered", HERE.address),
    ]


@pytest.mark.parametrize("cookie", ["", "made-up"])
async def test_whoever_is_not_logged_in_can_log_out(desk: Desk, cookie: str) -> None:
    for value in (cookie, await desk.newcomer()):
        assert (await desk.browser(value).post("/api/logout")).status_code == 204


async def test_a_ticket_becomes_a_cookie_once(desk: Desk) -> None:
    newcomer = await desk.newcomer()
    admission = await desk.at_page(newcomer)
    asked = {"ticket": admission.ticket, "next": "/c/abc"}
    answer = await desk.browser(newcomer).get("/api/admit", params=asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/abc")
    assert answer.headers["cache-control"] == "no-store"
    morsel = cookie_of(answer)
    assert (morsel.value, morsel["httponly"], morsel["samesite"]) == (admission.cookie, True, "lax")
    again = await desk.browser(newcomer).get("/api/admit", params=asked)
    assert again.status_code == 401
    assert "set-cookie" not in again.headers


async def test_a_ticket_is_worth_nothing_in_another_browser(desk: Desk) -> None:
    newcomer, thief = await desk.newcomer(), await desk.newcomer()
    ticket = (await desk.at_page(newcomer)).ticket
    for cookie in (thief, "", "made-up"):
        answer = await desk.browser(cookie).get("/api/admit", params={"ticket": ticket})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "http:evil.example",
        "/x\r\nSet-Cookie: a=b",
        "evil.example",
        "/api/logout",
        "",
    ],
)
async def test_a_ticket_leads_nowhere_else(desk: Desk, target: str) -> None:
    newcomer = await desk.newcomer()
    ticket = (await desk.at_page(newcomer)).ticket
    answer = await desk.browser(newcomer).get("/api/admit", params={"ticket": ticket, "next": target})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def nobody(desk: Desk, cookie: str) -> None:
    """The cookie stands for nobody who is signed in."""
    principal = await desk.accounts.resolve(cookie)
    assert principal is not None
    assert principal.kind is AccountKind.VISITOR
