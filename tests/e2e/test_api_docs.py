"""The API's docs draw themselves offline and under the page's policy."""

from playwright.async_api import ConsoleMessage, Request, expect

from tests.app_server import AppServer
from tests.e2e.fixtures import Come

VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  violations.push(`${violatedDirective} ${blockedURI}`);
});
"""


async def test_the_docs_are_drawn_and_try_out_a_call(come: Come, server: AppServer) -> None:
    """They list the calls; one can be tried; nothing is blocked, and nothing comes from elsewhere."""
    screen = await (await come(server.url)).tab()
    page = screen.page
    asked: list[str] = []
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            said.append(message.text)

    def see(request: Request) -> None:
        asked.append(request.url)

    page.on("console", hear)
    page.on("request", see)
    await page.add_init_script(VIOLATIONS)
    await page.goto("/api/docs")
    token = page.locator("#operations-default-token_api_token_post")
    await expect(token).to_be_visible(timeout=30_000)
    await expect(page.get_by_role("button", name="Authorize")).to_be_visible()
    await token.get_by_role("button").first.click()
    await token.get_by_role("button", name="Execute").click()
    await expect(token.locator(".live-responses-table tr.response .response-col_status")).to_contain_text(
        "200"
    )
    assert await page.evaluate("violations") == []
    assert said == []
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []
