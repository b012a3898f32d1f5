"""A raw client of the page's socket: what a browser does, and what a hostile one may try."""

from tests.wire.packets import Update
from tests.wire.tab import Closed, Tab, guest_cookie

__all__ = ["Closed", "Tab", "Update", "guest_cookie"]
