"""Tokens: how a program comes in as a guest, for an hour and without a browser.

Two forms, each signed by us, so that a made-up one is refused without a query:

    t1.…    a new guest, with the name that was given. Nothing is stored until the first write: the token
            carries 256 random bits, its time and the name, and all else about the guest is a hash of those.
    t2.…    a renewed one. Whose it is, only its login's row knows, which was written with the renewal.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from chatapp.domain.accounts import AccountKind, HeldBy, Principal
from chatapp.domain.credentials import name_of
from chatapp.domain.errors import Invalid, NotForKeys, NotSignedIn, SignUpClosed
from chatapp.services.accounts import Accounts
from chatapp.services.signing import (
    CLOCK_SKEW,
    Signer,
    base64url,
    derived_id,
    from_base64url,
    random_bits,
    utc_now,
)
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.logins import LoginRepository, StoredLogin

# 43 characters of base64url are 32 bytes; the name's 80 characters are at most 320 bytes.
_TOKEN: Final = re.compile(r"((t[12])\.[\w-]{43}\.([0-9]{10})\.([\w-]{0,440}))\.([\w-]{43})", re.ASCII)
_NEW, _RENEWED = "t1", "t2"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A token, which is nowhere else, whose it is, and how long it is good."""

    token: str = field(repr=False)
    name: str
    expires_at: datetime
    account_id: str


class Tokens:
    """Makes, renews and reads tokens."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        secret_key: str,
        ttl: timedelta,
        guests: bool,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Without `guests` none are made, and those that were made open nothing."""
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._signer: Signer = Signer(secret_key=secret_key, purpose="chatapp token v1")
        self._ttl: timedelta = ttl
        self._guests: bool = guests
        self._now: Callable[[], datetime] = now

    def issue(self, name: str) -> Issued:
        """A new guest of that name. Raises `Invalid` for an empty name, `SignUpClosed` without guests."""
        if not self._guests:
            raise SignUpClosed(
                "Guests are not let in here.",
                advice="Log in with POST /api/login, or make an API key on the settings page.",
            )
        if not (name := name_of(name)):
            raise Invalid("The name is empty.", advice="Any name will do.")
        token = self._made(_NEW, name)
        principal = self._guest(token)
        assert principal is not None
        return Issued(
            token=token, name=name, expires_at=principal.expires_at, account_id=principal.account_id
        )

    async def renew(self, asker: Principal) -> Issued:
        """Another token for the same account; the one that asks holds until its own time is over.

        Raises `NotSignedIn`, and `NotForKeys` for a key: a token would outlive its end.
        """
        if asker.held_by is not HeldBy.TOKEN:
            raise NotForKeys("Only a token can be renewed.", advice="An API key needs none.")
        await self._accounts.require(asker)
        token, at = self._made(_RENEWED, ""), self._now()
        claim = self._read(token)
        assert claim is not None
        principal = Principal(
            account_id=asker.account_id,
            login_id=claim.login_id,
            kind=asker.kind,
            expires_at=claim.expires_at,
            held_by=HeldBy.TOKEN,
        )

        def work(transaction: Transaction) -> str:
            accounts = AccountRepository(transaction)
            accounts.ensure(asker, at=at)
            LoginRepository(transaction).add(principal, at=at)
            account = accounts.get(asker.account_id)
            if account is None:
                raise NotSignedIn
            return account.name

        name = await self._database.write(work, of=asker.account_id)
        return Issued(
            token=token, name=name, expires_at=principal.expires_at, account_id=principal.account_id
        )

    def login_id(self, bearer: str) -> str | None:
        """The login that a token of ours names, whether or not it still holds; asks nobody."""
        claim = self._read(bearer)
        return claim.login_id if claim is not None else None

    async def resolve(self, bearer: str) -> Principal | None:
        """Whom the token names now; None when it opens nothing, without a query for what we did not make."""
        claim = self._read(bearer)
        if claim is None:
            return None
        guest = self._guest(bearer)

        def work(transaction: Transaction) -> tuple[StoredLogin | None, bool]:
            stored = LoginRepository(transaction).get(claim.login_id)
            begins = stored is None and guest is not None and AccountRepository(transaction).may_begin(guest)
            return stored, begins

        stored, begins = await self._database.read(work)
        if stored is None:
            return guest if begins else None
        return stored.principal if stored.holds(self._now()) else None

    def _made(self, form: str, name: str) -> str:
        at = int(self._now().timestamp())
        return self._signer.signed(f"{form}.{random_bits()}.{at}.{base64url(name.encode())}")

    def _guest(self, token: str) -> Principal | None:
        """The guest that a token of the first form is."""
        claim = self._read(token)
        if claim is None or claim.form != _NEW:
            return None
        return Principal(
            account_id=derived_id("account", claim.body),
            login_id=claim.login_id,
            kind=AccountKind.GUEST,
            expires_at=claim.expires_at,
            held_by=HeldBy.TOKEN,
            name=claim.name,
        )

    def _read(self, token: str) -> "_Claim | None":
        match = _TOKEN.fullmatch(token) if self._guests else None
        if match is None or not self._signer.fits(match[1], match[5]):
            return None
        body, form, made_at, name, _ = match.groups()
        made, now = datetime.fromtimestamp(int(made_at), UTC), self._now()
        if not made - CLOCK_SKEW <= now < made + self._ttl:
            return None
        return _Claim(body=body, form=form, expires_at=made + self._ttl, name=from_base64url(name).decode())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    """What a token of ours says of itself, while its time is not over."""

    body: str
    form: str
    expires_at: datetime
    name: str

    @property
    def login_id(self) -> str:
        return derived_id("login", self.body)
