"""How often somebody may try to come in. What is refused leaves no trace but its count."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import TooMany
from chatapp.streams.limits import Allowance, Limits

#: Failed tries from one address, then one more every 15 s: an office that mistypes fits, 5,800 guesses a day
#: do not find a password of eight characters.
BY_ADDRESS: Final = Allowance(name="tries by address", burst=20, each=timedelta(seconds=15))
#: Failed tries for one email from anywhere, then one more each minute. Less would let anybody keep somebody
#: out for long; more would help who guesses from many addresses.
BY_EMAIL: Final = Allowance(name="tries by email", burst=10, each=timedelta(minutes=1))
#: New accounts from one address, then one more each minute: an office signs up in a morning.
SIGN_UPS: Final = Allowance(name="sign-ups", burst=20, each=timedelta(minutes=1))


class Throttles:
    """Counts tries by address and by email. `TooMany` says nothing about whether there is such an account."""

    def __init__(self, limits: Limits) -> None:
        self._limits: Limits = limits

    @asynccontextmanager
    async def trying(self, *, address: str, email: str) -> AsyncGenerator[None]:
        """Counts a try with a password, unless the body goes well: tries at once are counted before the first
        of them has failed. Raises `TooMany`."""
        key = hashlib.sha256(email.encode()).hexdigest()
        if not await self._limits.take(address, BY_ADDRESS):
            raise TooMany
        if not await self._limits.take(key, BY_EMAIL):
            # The address has had its try: else asking for a throttled email would cost nothing.
            raise TooMany
        yield
        await self._limits.give_back(address, BY_ADDRESS)
        await self._limits.give_back(key, BY_EMAIL)

    async def sign_up(self, *, address: str) -> None:
        """Counts a new account. Raises `TooMany`."""
        if not await self._limits.take(address, SIGN_UPS):
            raise TooMany
