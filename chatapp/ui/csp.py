"""The Content-Security-Policy of the built page: its own scripts by their hashes, nothing from elsewhere.

The page that Reflex builds has inline scripts (they set the theme and start the router). Their hashes are
taken from the built files, so a script that somebody gets into a message never runs: it is not on the list.
"""

import base64
import hashlib
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from reflex.utils.prerequisites import get_web_dir
from reflex_base.constants import Dirs
from typing_extensions import override

_DIRECTIVES: Final = (
    "default-src 'none'",
    # No 'unsafe-eval' and no 'unsafe-inline': this is what the whole policy is for.
    "script-src 'self' {hashes}",
    # Emotion and Radix write style elements and attributes while the page runs, KaTeX and Shiki colour by
    # attribute: their texts are not known when the page is built. Styles cannot call home, since no image,
    # font or connection of another host is allowed.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "media-src 'self' blob:",
    # The page's socket too: 'self' covers ws and wss of the same host and port.
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "frame-src 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
)


def content_security_policy(pages: Path | None = None) -> str:
    """The policy for the pages built under this directory; by default, those that Reflex serves."""
    directory = pages or get_web_dir() / Dirs.STATIC
    hashes = sorted({_hash(script) for page in directory.rglob("*.html") for script in _inline(page)})
    return "; ".join(_DIRECTIVES).format(hashes=" ".join(hashes)).replace("'self' ;", "'self';")


def _inline(page: Path) -> Iterable[str]:
    parser = _InlineScripts()
    parser.feed(page.read_text(encoding="utf-8"))
    parser.close()
    return parser.found


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


class _InlineScripts(HTMLParser):
    """Collects the text of script elements that have no source of their own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and "src" not in dict(attrs):
            self._inside = True
            self.found.append("")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    @override
    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data
