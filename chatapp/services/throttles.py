"""How often somebody may try to come in. Kept in memory: what is refused leaves no trace."""

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from chatapp.domain.errors import TooMany
from chatapp.services.counting import Buckets

#: Failed tries from one address, then one more every 15 s: an office that mistypes fits, 5,800 guesses a day
#: do not find a password of eight characters.
ADDRESS_BURST: Final = 20
ADDRESS_SECONDS: Final = 15
#: Failed tries for one email from anywhere, then one more each minute. Less would let anybody keep somebody
#: out for long; more would help who guesses from many addresses.
EMAIL_BURST: Final = 10
EMAIL_SECONDS: Final = 60
#: New accounts from one address, then one more each minute: an office signs up in a morning.
SIGN_UP_BURST: Final = 20
SIGN_UP_SECONDS: Final = 60


class Throttles:
    """Counts tries by address and by email. `TooMany` says nothing about whether there is such an account."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._addresses: Buckets = Buckets(burst=ADDRESS_BURST, per_second=1 / ADDRESS_SECONDS, now=now)
        self._emails: Buckets = Buckets(burst=EMAIL_BURST, per_second=1 / EMAIL_SECONDS, now=now)
        self._sign_ups: Buckets = Buckets(burst=SIGN_UP_BURST, per_second=1 / SIGN_UP_SECONDS, now=now)

    @contextmanager
    def trying(self, *, address: str, email: str) -> Generator[None]:
        """Counts a try with a password, unless the body goes well: tries at once are counted before the first
        of them has failed. Raises `TooMany`."""
        key = hashlib.sha256(email.encode()).hexdigest()
        if not self._addresses.take(address):
            raise TooMany
        if not self._emails.take(key):
            # The address has had its try: else asking for a throttled email would cost nothing.
            raise TooMany
        yield
        self._addresses.give_back(address)
        self._emails.give_back(key)

    def sign_up(self, *, address: str) -> None:
        """Counts a new account. Raises `TooMany`."""
        if not self._sign_ups.take(address):
            raise TooMany
