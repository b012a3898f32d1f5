"""Whether somebody on this machine asks: whoever runs the server may see more of it than others."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from chatapp.api.handshake import header

#: Whoever stands in between says so in one of these. Then the peer's address is the proxy's, and one on this
#: machine would open to the world what is for us.
_FORWARDED: Final = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)


def from_this_machine(scope: Scope) -> bool:
    """Whether somebody on this machine asks us directly.

    The name under which they ask counts too: another site can give its own name this machine's address, and
    the browser of somebody who sits here would then read the answer for it.
    """
    if any(key in _FORWARDED for key, _ in scope["headers"]):
        return False
    peer = scope.get("client")
    return peer is not None and _is_loopback(str(peer[0])) and _is_loopback(_host(scope))


def _host(scope: Scope) -> str:
    try:
        return urlsplit(f"//{header(scope, b'host') or ''}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return name == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
