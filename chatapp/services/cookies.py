"""What the browser's login cookie says, and what is left of it inside the house.

A guest costs nothing until the first send: the cookie carries 256 random bits, the time it was made and our
signature, and all else about the guest is a hash of those bits. So a made-up cookie is refused without asking
the database, and whoever collects a million cookies has stored nothing here.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from chatapp.domain.accounts import AccountKind, Principal

#: 256 bits: as many as the hash that stands for them.
TOKEN_BYTES: Final = 32
#: A cookie from a clock that runs ahead of ours (two hosts behind one name) is not yet a forgery.
CLOCK_SKEW: Final = timedelta(minutes=5)

# 43 characters of base64url are 32 bytes; 10 digits last until the year 2286.
_COOKIE: Final = re.compile(r"(v1\.[\w-]{43}\.([0-9]{10}))\.([\w-]{43})", re.ASCII)
_LOGIN: Final = re.compile(r"login=([0-9a-f]{32})\.([0-9a-f]{32})\.([a-z]{1,16})\.([0-9]{10,11})", re.ASCII)


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class GuestCookies:
    """Makes and reads guest cookies: `v1.<random>.<made at, unix time>.<HMAC-SHA256>`."""

    def __init__(self, *, secret_key: str, ttl: timedelta, now: Callable[[], datetime] = utc_now) -> None:
        # A key of its own for each purpose: what is signed here can never pass for something else.
        self._key: bytes = hmac.digest(secret_key.encode(), b"chatapp guest cookie v1", "sha256")
        self.ttl: timedelta = ttl
        self._now: Callable[[], datetime] = now

    def make(self) -> str:
        """A new guest's cookie."""
        body = f"v1.{_base64url(secrets.token_bytes(TOKEN_BYTES))}.{int(self._now().timestamp())}"
        return f"{body}.{self._signature(body)}"

    def read(self, cookie: str) -> Principal | None:
        """The guest whom the cookie names; None when we did not make it or its time is over."""
        match = _COOKIE.fullmatch(cookie)
        if match is None:
            return None
        body, made_at, signature = match.groups()
        if not hmac.compare_digest(signature, self._signature(body)):
            return None
        made, now = datetime.fromtimestamp(int(made_at), UTC), self._now()
        if not made - CLOCK_SKEW <= now < made + self.ttl:
            return None
        return Principal(
            account_id=_derived("account", body),
            login_id=_derived("login", body),
            kind=AccountKind.GUEST,
            expires_at=made + self.ttl,
        )

    def _signature(self, body: str) -> str:
        return _base64url(hmac.digest(self._key, body.encode(), "sha256"))


def _derived(purpose: str, body: str) -> str:
    """An id that is stored and shown in place of the cookie: nobody gets from it back to the cookie, nor from
    one purpose's id to another's."""
    return hashlib.sha256(f"chatapp {purpose} id v1\0{body}".encode()).hexdigest()[:32]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def as_header(principal: Principal) -> str:
    """The `Cookie` header that replaces the browser's behind the guard.

    Reflex keeps a connection's headers in its state and may pickle them: nothing in them opens a door.
    """
    return (
        f"login={principal.login_id}.{principal.account_id}.{principal.kind.value}"
        f".{int(principal.expires_at.timestamp())}"
    )


def principal_of(header: str) -> Principal | None:
    """The principal that the guard wrote into the `Cookie` header; None for anything else."""
    match = _LOGIN.fullmatch(header)
    if match is None:
        return None
    login_id, account_id, kind, expires_at = match.groups()
    try:
        return Principal(
            account_id=account_id,
            login_id=login_id,
            kind=AccountKind(kind),
            expires_at=datetime.fromtimestamp(int(expires_at), UTC),
        )
    except ValueError:  # a kind that this version does not know
        return None
