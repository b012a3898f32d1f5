"""What the browser's login cookie says, and what is left of it inside the house.

There is one cookie, in three forms, each signed by us, so that a made-up one is refused without a query:

    v1.…    a guest. It costs nothing until the first send: the cookie carries 256 random bits and the time it
            was made, and all else about the guest is a hash of those.
    v0.…    a visitor, where guests are not let in: the same, and it opens nothing but the log-in page.
    v2.…    a member's login. Whose it is, only the login's row knows; its id is a hash of the random bits.

The database holds no cookie, and whoever collects a million cookies has stored nothing here.

A password is proved on the page's socket, and only HTTP can set a cookie. So the page gets a ticket, of which
every process with our key makes the cookie, for the login that asked and no other: nothing is kept meanwhile.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.services.signing import CLOCK_SKEW, Signer, derived_id, random_bits, utc_now

# 43 characters of base64url are 32 bytes; 10 digits last until the year 2286.
_COOKIE: Final = re.compile(r"((v[012])\.[\w-]{43}\.([0-9]{10}))\.([\w-]{43})", re.ASCII)
_TICKET: Final = re.compile(r"[\w-]{43}\.([0-9]{10})", re.ASCII)
_LOGIN: Final = re.compile(r"login=([0-9a-f]{32})\.([0-9a-f]{32})\.([a-z]{1,16})\.([0-9]{10,11})", re.ASCII)
_FORMS: Final = {"v0": AccountKind.VISITOR, "v1": AccountKind.GUEST, "v2": AccountKind.MEMBER}
_FORM_OF: Final = {kind: form for form, kind in _FORMS.items()}
#: A ticket is used by the redirect that it is made for, a moment later.
TICKET_TTL: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a cookie of ours says of itself. Whether its login holds now, only the database knows."""

    kind: AccountKind
    login_id: str
    expires_at: datetime
    #: The account that a guest or a visitor is. Whose a member's login is, only its row says.
    own_account_id: str

    def principal(self) -> Principal | None:
        """Who that is, as far as a cookie alone can say it: nobody for a member's."""
        if self.kind is AccountKind.MEMBER:
            return None
        return Principal(
            account_id=self.own_account_id,
            login_id=self.login_id,
            kind=self.kind,
            expires_at=self.expires_at,
        )


class LoginCookies:
    """Makes and reads login cookies: `<form>.<random>.<made at, unix time>.<HMAC-SHA256>`."""

    def __init__(
        self,
        *,
        secret_key: str,
        ttl: timedelta,
        guests: bool = True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Without `guests` a first visit makes a visitor, and guests' cookies are refused; with them the
        other way round."""
        self._signer: Signer = Signer(secret_key=secret_key, purpose="chatapp guest cookie v1")
        self._tickets: Signer = Signer(secret_key=secret_key, purpose="chatapp ticket v1")
        self.ttl: timedelta = ttl
        self.first_visit: AccountKind = AccountKind.GUEST if guests else AccountKind.VISITOR
        self._now: Callable[[], datetime] = now

    def make(self) -> str:
        """The cookie of somebody who comes for the first time."""
        return self._make(self.first_visit)

    def make_member(self) -> str:
        """A cookie for a member's new login. It opens nothing until a row with its login's id is written."""
        return self._make(AccountKind.MEMBER)

    def make_ticket(self) -> str:
        """What stands for a member's cookie that is not made yet: `<random>.<made at, unix time>`."""
        return f"{random_bits()}.{int(self._now().timestamp())}"

    def by_ticket(self, ticket: str, asker_login_id: str) -> str | None:
        """The member's cookie that the ticket stands for when this login brings it; for another login it is
        another cookie, of a login that nobody began. None for what is no ticket, and 30 s later."""
        match = _TICKET.fullmatch(ticket)
        if match is None:
            return None
        made, now = datetime.fromtimestamp(int(match[1]), UTC), self._now()
        if not made - CLOCK_SKEW <= now < made + TICKET_TTL:
            return None
        bits = self._tickets.signature(f"{ticket}.{asker_login_id}")
        return self._signer.signed(f"{_FORM_OF[AccountKind.MEMBER]}.{bits}.{match[1]}")

    def read(self, cookie: str) -> Claim | None:
        """What the cookie says; None when we did not make it, its time is over, or it is none for here."""
        match = self._ours(cookie)
        if match is None:
            return None
        body, form, made_at, _ = match.groups()
        kind, made, now = _FORMS[form], datetime.fromtimestamp(int(made_at), UTC), self._now()
        if not made - CLOCK_SKEW <= now < made + self.ttl:
            return None
        if kind not in {self.first_visit, AccountKind.MEMBER}:
            return None
        return Claim(
            kind=kind,
            login_id=derived_id("login", body),
            expires_at=made + self.ttl,
            own_account_id="" if kind is AccountKind.MEMBER else derived_id("account", body),
        )

    def visitor(self, cookie: str) -> Principal | None:
        """Who somebody is whose login has ended: nobody, but one who can be told so. None for what we did
        not make. The login's id is another one, so that nothing is found that was kept under the old one."""
        match = self._ours(cookie)
        if match is None:
            return None
        return Principal(
            account_id=derived_id("ended account", match[1]),
            login_id=derived_id("ended login", match[1]),
            kind=AccountKind.VISITOR,
            expires_at=self._now() + self.ttl,
        )

    def was_member(self, cookie: str) -> bool:
        """Whether it is the cookie of a member's login, also of one that has ended."""
        match = self._ours(cookie)
        return match is not None and _FORMS[match[2]] is AccountKind.MEMBER

    def _ours(self, cookie: str) -> re.Match[str] | None:
        match = _COOKIE.fullmatch(cookie)
        return match if match is not None and self._signer.fits(match[1], match[4]) else None

    def _make(self, kind: AccountKind) -> str:
        return self._signer.signed(f"{_FORM_OF[kind]}.{random_bits()}.{int(self._now().timestamp())}")


def as_header(principal: Principal) -> str:
    """The `Cookie` header that replaces the browser's behind the guard.

    Reflex keeps a connection's headers in its state and may pickle them: nothing in them opens a door.
    """
    return (
        f"login={principal.login_id}.{principal.account_id}.{principal.kind.value}"
        f".{int(principal.expires_at.timestamp())}"
    )


@lru_cache(maxsize=1024)  # every event asks twice, and a tab's header is always the same
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
