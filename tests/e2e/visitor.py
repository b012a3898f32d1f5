"""A person with a browser: opens tabs, and notes all that must not happen in them."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    WebSocket,
)

from tests.e2e.screen import Screen

#: Schemes of what a page makes itself.
OWN_SCHEMES: Final = frozenset({"data", "blob", "about"})
#: What a browser says of itself when there is no server or no network.
CUT: Final = ("WebSocket connection", "Failed to load resource: net::ERR_")
#: Hands each violation of the page's policy to the test, before any script of the page runs.
TELL_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (e) => violated(e.violatedDirective + " " + e.blockedURI))
"""


@dataclass(kw_only=True)
class Seen:
    """What happened in a visitor's tabs."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


class Visitor:
    """One browser profile, with its own cookies and storage."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.seen = Seen()
        #: Set by tests that cut the network or end the server: then the browser may complain of just that.
        self.was_cut = False

    @classmethod
    async def came(cls, browser: Browser, url: str, **options: object) -> "Visitor":
        """A visitor who was never here before."""
        context = await browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        visitor = cls(context, url)
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        await context.expose_binding("violated", lambda _source, what: visitor.seen.violations.append(what))
        await context.add_init_script(TELL_VIOLATIONS)
        context.on("page", visitor._watch)
        context.on("request", visitor._note_request)
        context.on("console", visitor._note_console)
        context.on("weberror", lambda error: visitor.seen.errors.append(str(error.error)))
        context.on("dialog", visitor._dismiss)
        return visitor

    async def opens(self, path: str = "/") -> Screen:
        """A new tab, as soon as it is live."""
        screen = await self.tab()
        await screen.goes_to(path)
        return screen

    async def tab(self) -> Screen:
        """A new tab that shows nothing yet."""
        return Screen(await self.context.new_page())

    async def leaves(self) -> None:
        """Close everything, and fail if anything happened that must not."""
        await self.context.close()
        host = urlsplit(self.url).netloc
        foreign = [
            one
            for one in self.seen.addresses
            if urlsplit(one).scheme not in OWN_SCHEMES and urlsplit(one).netloc != host
        ]
        complaints = [one for one in self.seen.console if not (self.was_cut and one.startswith(CUT))]
        assert foreign == [], "requests to other hosts"
        assert self.seen.violations == [], "the page's own policy was violated"
        assert self.seen.dialogs == [], "something was executed"
        assert self.seen.errors == [], "uncaught errors"
        assert complaints == [], "errors on the console"

    def _watch(self, page: Page) -> None:
        page.on("websocket", self._note_socket)

    def _note_socket(self, socket: WebSocket) -> None:
        self.seen.addresses.append(socket.url)

    def _note_request(self, request: Request) -> None:
        self.seen.addresses.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.console.append(message.text)

    async def _dismiss(self, dialog: Dialog) -> None:
        self.seen.dialogs.append(dialog.message)
        try:
            await dialog.dismiss()
        except Error:  # its tab was closed meanwhile
            return
