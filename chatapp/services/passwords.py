"""Passwords: hashed with argon2id, off the event loop, a few at a time."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chatapp.domain.errors import TooMany

T = TypeVar("T")

#: OWASP's parameters for argon2id with the least memory that still costs as much as the others: 12 MiB, three
#: passes. Two at once stay below the 30 MB that a flood may cost.
MEMORY_KIB: Final = 12_288
PASSES: Final = 3
#: Hashes made at once: each takes a processor for some 30 ms.
AT_ONCE: Final = 2
#: Who comes when so many wait already is told to come again: the last in line has waited a second.
MAX_WAITING: Final = 60


class Passwords:
    """Makes and checks hashes. A check takes as long for somebody who is not there as for somebody who is."""

    def __init__(self) -> None:
        self._hasher: PasswordHasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._threads: ThreadPoolExecutor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting: int = 0
        self._nobody_s: str = ""

    async def hash(self, password: str) -> str:
        """What is stored in place of the password. Raises `TooMany` when too many ask at once."""
        return await self._run(lambda: self._hasher.hash(password))

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether this is the password that the hash was made of; None is nobody's. Raises `TooMany`."""
        return await self._run(lambda: self._fits(password, stored))

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash made now would be a stronger one."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Waits for the hashes that are being made."""
        self._threads.shutdown()

    def _fits(self, password: str, stored: str | None) -> bool:
        # Made before it is known whether it is needed, so that even the first one takes the same time.
        self._nobody_s = self._nobody_s or self._hasher.hash(secrets.token_urlsafe())
        try:
            self._hasher.verify(stored or self._nobody_s, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise TooMany
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def made_up_password() -> str:
    """One for somebody who will change it soon: 96 random bits."""
    return secrets.token_urlsafe(12)
