"""API keys: what a program comes in with for as long as its owner likes."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from chatapp.domain.accounts import ApiKey, HeldBy, Principal
from chatapp.domain.credentials import name_of
from chatapp.domain.errors import Invalid, NotForKeys, NotFound
from chatapp.domain.ids import new_id
from chatapp.domain.security_events import SecurityEventKind
from chatapp.services.account_changes import note
from chatapp.services.accounts import Accounts
from chatapp.services.signing import random_bits, utc_now
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.api_keys import NEVER, ApiKeyRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.logins import LoginRepository

#: So that whoever finds one somewhere, or a scanner for secrets, knows what it is.
PREFIX: Final = "chatapp_"
#: More than anybody looks after; each is a row.
MAX_KEYS: Final = 50
#: Keys that are known to be ours, so that a flood with one is counted before it is looked up.
MAX_REMEMBERED: Final = 10_000


class ApiKeys:
    """Makes, lists, revokes and reads keys."""

    def __init__(
        self, *, database: Database, accounts: Accounts, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._now: Callable[[], datetime] = now
        # Login ids by hash, the least recently used in front.
        self._remembered: OrderedDict[str, str] = OrderedDict()

    async def create(
        self, asker: Principal, name: str, *, expires_at: datetime | None = None, address: str = ""
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is kept nowhere: it is to be shown now or never.

        Raises `Invalid` for an empty name, an end that is over, or one key too many; `NotForKeys` for
        whoever came in with one, or with a token; `NotSignedIn`.
        """
        await self._accounts.require(asker)
        if asker.held_by is not HeldBy.BROWSER:
            raise NotForKeys
        if not (name := name_of(name)):
            raise Invalid("A key needs a name.", advice="Say what it is for.")
        at = self._now()
        if expires_at is not None and not at < expires_at < NEVER:
            raise Invalid("This time is over.", advice="Please choose a later one.")
        key = ApiKey(id=new_id(), name=name, created_at=at, last_used_at=None, expires_at=expires_at)
        secret = f"{PREFIX}{random_bits()}"

        def work(transaction: Transaction) -> None:
            AccountRepository(transaction).ensure(asker, at=at)
            keys = ApiKeyRepository(transaction)
            if len(keys.of_account(asker.account_id, at=at)) >= MAX_KEYS:
                raise Invalid(f"You have {MAX_KEYS} keys.", advice="Please revoke one first.")
            keys.add(asker.account_id, key, secret_hash=_hash(secret))
            made = SecurityEventKind.API_KEY_MADE
            note(transaction, made, asker.account_id, at=at, address=address, detail=key.id)

        await self._database.write(work, of=asker.account_id)
        return key, secret

    async def listed(self, asker: Principal) -> Sequence[ApiKey]:
        """The asker's keys that open something now, the newest first. Raises `NotSignedIn`."""
        await self._accounts.require(asker)
        at = self._now()
        return await self._database.read(
            lambda transaction: ApiKeyRepository(transaction).of_account(asker.account_id, at=at)
        )

    async def revoke(self, asker: Principal, key_id: str, *, address: str = "") -> None:
        """Ends one of the asker's keys: at once here, within 5 s wherever it holds something open.

        Raises `NotFound`, `NotSignedIn`.
        """
        await self._accounts.require(asker)

        def work(transaction: Transaction) -> None:
            at = self._now()
            if ApiKeyRepository(transaction).revoke(asker.account_id, key_id, at=at) is None:
                raise NotFound
            revoked = SecurityEventKind.API_KEY_REVOKED
            note(transaction, revoked, asker.account_id, at=at, address=address, detail=key_id)

        await self._database.write(work, of=asker.account_id)
        self._accounts.know_ended([key_id])

    def login_id(self, bearer: str) -> str | None:
        """The login that a key names which was good a while ago; asks nobody."""
        return self._remembered.get(_hash(bearer)) if bearer.startswith(PREFIX) else None

    async def resolve(self, bearer: str) -> Principal | None:
        """Whom the key names now; None when it opens nothing."""
        if not bearer.startswith(PREFIX):
            return None
        hashed = _hash(bearer)
        stored = await self._database.read(lambda transaction: LoginRepository(transaction).by_hash(hashed))
        is_key = stored is not None and stored.principal.held_by is HeldBy.KEY
        if stored is None or not is_key or not stored.holds(self._now()):
            self._remembered.pop(hashed, None)
            return None
        self._remember(hashed, stored.principal.login_id)
        await self._accounts.note_use(stored.principal, stored.last_seen_at)
        return stored.principal

    def _remember(self, hashed: str, login_id: str) -> None:
        self._remembered[hashed] = login_id
        self._remembered.move_to_end(hashed)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


def _hash(secret: str) -> str:
    """256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
