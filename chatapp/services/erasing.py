"""The end of accounts: at once for whoever is in, and in pieces for what they had."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import LastAdmin, NotFound
from chatapp.domain.runs import Run
from chatapp.domain.security_events import SecurityEventKind
from chatapp.engine.dispatch import Dispatch
from chatapp.services.account_changes import found, note, require_another_admin
from chatapp.services.accounts import Accounts
from chatapp.services.conversations import PURGE_BATCH
from chatapp.storage.database import Database, Transaction
from chatapp.storage.erasing import ErasureRepository, Leftover
from chatapp.storage.logins import LoginRepository
from chatapp.storage.runs import RunRepository
from chatapp.streams.base import Job


class Begun(NamedTuple):
    """What ended with an account: its logins, and the runs that are to be stopped."""

    logins: list[str]
    runs: list[Run]


class Erasing:
    """Deletes accounts. First the logins end, in the transaction that marks the account as deleted and its
    replies as to be stopped; then all that it had goes, in pieces between which others write. Whatever ends
    the process in between, the mark is there, and the next one goes on."""

    def __init__(self, *, database: Database, accounts: Accounts, dispatch: Dispatch) -> None:
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._dispatch: Dispatch = dispatch
        #: Set when there is something to purge.
        self.wanted: Final = asyncio.Event()

    async def erase(self, account_id: str, *, actor_id: str, address: str = "") -> None:
        """Ends an account. It does not ask who asks: its callers do. Raises `NotFound`, `LastAdmin`."""
        at = datetime.now(UTC)

        def work(transaction: Transaction) -> Begun:
            require_another_admin(transaction, found(transaction, account_id))
            return _begun(transaction, account_id, at=at, actor_id=actor_id, address=address)

        self._began(await self._database.write(work))

    async def erase_own(self, asker: Principal, *, address: str = "") -> None:
        """Ends the asker's account; also one that was never written down. Raises `LastAdmin`."""
        at = datetime.now(UTC)

        def work(transaction: Transaction) -> Begun:
            # A guest's cookie says all that is needed to write the account down: not any more.
            LoginRepository(transaction).keep_gone([asker])
            try:
                require_another_admin(transaction, found(transaction, asker.account_id))
            except NotFound:
                return Begun(logins=[asker.login_id], runs=[])
            except LastAdmin:
                raise LastAdmin(
                    "You are the only admin, so your account stays.",
                    advice="Please make somebody else an admin first, on the admin's page.",
                ) from None
            return _begun(transaction, asker.account_id, at=at, actor_id=asker.account_id, address=address)

        self._began(await self._database.write(work))

    async def purge(self) -> bool:
        """Removes for good what deleted accounts had; False when something is left that is being stopped."""
        self.wanted.clear()
        while (left := await self._database.read(_leftover)) is not None:
            await self._database.write(partial(_purge, leftover=left), of=left.account_id)
        return not await self._database.read(
            lambda transaction: ErasureRepository(transaction).is_unfinished()
        )

    def _began(self, begun: Begun) -> None:
        self._accounts.know_ended(begun.logins)
        for run in begun.runs:
            self._dispatch.stop(Job.of(run))
        self.wanted.set()


def _leftover(transaction: Transaction) -> Leftover | None:
    return ErasureRepository(transaction).leftover()


def _purge(transaction: Transaction, *, leftover: Leftover) -> None:
    ErasureRepository(transaction).purge(leftover, most=PURGE_BATCH)


def _begun(
    transaction: Transaction, account_id: str, *, at: datetime, actor_id: str, address: str = ""
) -> Begun:
    """Marks it as deleted."""
    runs = RunRepository(transaction).cancel_own(account_id)
    logins = [one.principal for one in LoginRepository(transaction).of_account(account_id)]
    LoginRepository(transaction).keep_gone(logins)
    ErasureRepository(transaction).begin(account_id, at=at)
    note(
        transaction,
        SecurityEventKind.ACCOUNT_DELETED,
        account_id,
        at=at,
        actor_id=actor_id,
        address=address,
    )
    return Begun(logins=[one.login_id for one in logins], runs=runs)
