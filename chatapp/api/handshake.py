"""What a request's head says, read strictly: address, origin, cookies and the tab's token."""

import hashlib
import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.types import Scope

from chatapp.api.policy import GuardPolicy

COOKIE: Final = "chatapp_login"
#: The browser keeps a `__Host-` cookie only from https, for this host alone: no neighbour can plant one.
SECURE_COOKIE: Final = f"__Host-{COOKIE}"

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# The version is not checked: Reflex's own generator breaks it in half of the browsers.
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
#: What a Socket.IO client asks for; `t` defeats caches.
_QUERY: Final = frozenset({"EIO", "transport", "token", "t"})
#: What Reflex is told of a connection. It keeps this in each tab's state, so it is short and holds no secret.
_KEPT_HEADERS: Final = frozenset(
    {b"host", b"origin", b"user-agent", b"accept-language", b"upgrade", b"connection"}
)
_KEPT_HEADER_BYTES: Final = 512


def header(scope: Scope, name: bytes) -> str | None:
    """The one value of a header; None when there is none, or more than one."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def client_address(scope: Scope, *, trusted_proxy_hops: int) -> str:
    """Who is counted: the address that the last proxy we trust saw. One IPv6 customer owns a whole /64."""
    address = str((scope.get("client") or ("unknown",))[0])
    if trusted_proxy_hops:
        forwarded = ",".join(
            value.decode("latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"
        )
        seen = [part.strip() for part in forwarded.split(",") if part.strip()]
        if len(seen) >= trusted_proxy_hops:
            address = seen[-trusted_proxy_hops]
    return _network(address)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        # Whatever a proxy wrote there is one customer, and cannot make our tables grow.
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def is_https(scope: Scope, policy: GuardPolicy) -> bool:
    """Whether the browser speaks https with us or with a proxy that we trust."""
    if policy.https or scope.get("scheme") in {"https", "wss"}:
        return True
    forwarded = header(scope, b"x-forwarded-proto") if policy.trusted_proxy_hops else None
    return forwarded is not None and forwarded.split(",")[-1].strip() in {"https", "wss"}


def cookie_name(scope: Scope, policy: GuardPolicy) -> str:
    """The login cookie's name: one only, so that a planted plain cookie never counts on https."""
    return SECURE_COOKIE if is_https(scope, policy) else COOKIE


def login_cookies(scope: Scope, policy: GuardPolicy) -> list[str]:
    """The values under the login cookie's name, in the browser's order; normally one."""
    wanted, found = cookie_name(scope, policy), list[str]()
    for key, value in scope["headers"]:
        if key == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                name, _, content = pair.strip().partition("=")
                if name == wanted:
                    found.append(content)
    return found[:2]


def bearer_of(scope: Scope) -> str | None:
    """What follows `Authorization: Bearer`; "" when it is not one word; None when there is none."""
    said = [value.decode("latin-1").strip() for key, value in scope["headers"] if key == b"authorization"]
    bearers = [one for one in said if one.partition(" ")[0].casefold() == "bearer"]
    if not bearers:
        return None
    word = bearers[0].partition(" ")[2].strip()
    return word if len(said) == 1 and " " not in word else ""


def query_token(scope: Scope) -> str | None:
    """The `token` of a socket's query; "" when there is more than one, None when there is none."""
    found = [value for name, value in _query(scope) if name == "token"]
    return (found[0] if len(found) == 1 else "") if found else None


def without_token(scope: Scope) -> Scope:
    """The scope for whoever is behind us: nobody there logs a secret that is not there."""
    kept = urlencode([(name, value) for name, value in _query(scope) if name != "token"])
    return {**scope, "query_string": kept.encode()}


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def says_origin(scope: Scope) -> bool:
    """Whether there is an Origin at all: browsers say it with whatever changes something."""
    return any(key == b"origin" for key, _ in scope["headers"])


def cookies_count(scope: Scope, policy: GuardPolicy) -> bool:
    """Whether a login cookie of this HTTP request may say who asks: not for a page of somebody else's."""
    return not says_origin(scope) or origin_allowed(scope, policy)


def origin_allowed(scope: Scope, policy: GuardPolicy) -> bool:
    """Whether the page that asks is one of ours. No Origin at all is no browser's page: refused."""
    origin = header(scope, b"origin")
    if origin is None:
        return False
    if origin in policy.origins:
        return True
    return policy.local_origins and _same_local_host(origin, header(scope, b"host") or "")


def _same_local_host(origin: str, host: str) -> bool:
    # Names of this machine only: any other name can be pointed here by its owner (DNS rebinding).
    try:
        parts, ours = urlsplit(origin), urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    # A path, user or query is not an origin: nothing of the kind is sent by a browser.
    return (
        parts.scheme in {"http", "https"}
        and f"{parts.scheme}://{parts.netloc}" == origin
        and (parts.hostname == ours and ours in _LOCAL and parts.username is None)
    )


def tab_token(scope: Scope) -> str | None:
    """The token in the query of a Reflex socket; None unless the query is just what the page sends."""
    try:
        query = parse_qsl(
            scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=8,
        )
    except ValueError:
        return None
    values = dict(query)
    if len(values) != len(query) or not values.keys() <= _QUERY:
        return None
    if (values.get("EIO"), values.get("transport")) != ("4", "websocket"):
        return None
    token = values.get("token", "")
    return token if _UUID.fullmatch(token) else None


def bound_token(token: str, login_id: str) -> str:
    """The tab's token as Reflex knows it: bound to the login, so that a stolen one opens nobody's state."""
    digest = hashlib.sha256(f"chatapp tab v1\0{login_id}\0{token}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def inner_scope(scope: Scope, *, login: str, token: str, address: str) -> Scope:
    """The scope that Reflex sees: our cookie in place of the browser's, the bound token, the address that is
    counted, nothing else."""
    kept: Iterable[tuple[bytes, bytes]] = (
        (key, value[:_KEPT_HEADER_BYTES])
        for key, value in scope["headers"]
        if key in _KEPT_HEADERS or key.startswith(b"sec-websocket-")
    )
    return {
        **scope,
        "client": (address, 0),
        "headers": [*kept, (b"cookie", login.encode())],
        "query_string": f"EIO=4&transport=websocket&token={token}".encode(),
    }
