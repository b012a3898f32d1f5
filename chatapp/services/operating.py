"""Accounts as the command line handles them: whoever may run commands on this machine needs no login."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chatapp.domain.accounts import Account, Role
from chatapp.domain.credentials import email_of, name_of, new_password_of
from chatapp.domain.errors import EmailTaken, NotFound
from chatapp.domain.ids import new_id
from chatapp.domain.security_events import OPERATOR, SecurityEventKind
from chatapp.services.account_changes import note, set_disabled, set_password, set_role
from chatapp.services.passwords import Passwords
from chatapp.services.signing import utc_now
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction


class Operating:
    """Beside a running app or without one: what it changes, the app heeds within 5 s."""

    def __init__(
        self, *, database: Database, passwords: Passwords, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database: Database = database
        self._passwords: Passwords = passwords
        self._now: Callable[[], datetime] = now

    async def create(self, *, email: str, password: str, name: str = "", role: Role | None = None) -> Account:
        """A new member; the first one is admin unless a role is given. Raises `EmailTaken`, `Invalid`."""
        email, name = email_of(email), name_of(name)
        password_hash = await self._passwords.hash(new_password_of(password, email=email))

        def work(transaction: Transaction) -> Account:
            accounts, at = AccountRepository(transaction), self._now()
            if accounts.by_email(email) is not None:
                raise EmailTaken("There is an account with this email already.", advice="")
            account = accounts.add(
                account_id=new_id(),
                email=email,
                password_hash=password_hash,
                name=name,
                role=role or (Role.USER if accounts.has_members() else Role.ADMIN),
                at=at,
            )
            note(transaction, SecurityEventKind.REGISTERED, account.id, actor_id=OPERATOR, at=at)
            return account

        return await self._database.write(work)

    async def members(self) -> list[Account]:
        """All of them, by email."""
        return list(await self._database.read(lambda work: AccountRepository(work).members()))

    async def set_disabled(self, email: str, disabled: bool) -> Account:
        """Locks a member out, or lets one in again. Raises `NotFound`, `LastAdmin`."""

        def work(transaction: Transaction) -> Account:
            return set_disabled(transaction, _id_of(transaction, email), disabled, **self._by_operator())

        return await self._database.write(work)

    async def set_role(self, email: str, role: Role) -> Account:
        """Gives a member another role. Raises `NotFound`, `LastAdmin`."""

        def work(transaction: Transaction) -> Account:
            return set_role(transaction, _id_of(transaction, email), role, **self._by_operator())

        return await self._database.write(work)

    async def reset(self, email: str, password: str) -> Account:
        """Gives a member another password and ends all logins. Raises `NotFound`, `Invalid`."""
        password_hash = await self._passwords.hash(new_password_of(password, email=email_of(email)))

        def work(transaction: Transaction) -> Account:
            return set_password(transaction, _id_of(transaction, email), password_hash, **self._by_operator())

        return await self._database.write(work)

    def _by_operator(self) -> dict[str, Any]:
        return {"actor_id": OPERATOR, "at": self._now()}


def _id_of(transaction: Transaction, email: str) -> str:
    member = AccountRepository(transaction).by_email(email_of(email))
    if member is None:
        raise NotFound("There is no account with this email.", advice="")
    return member[0].id
