"""What admins do: look after users, replies in flight, the audit log. They see nothing that anybody wrote."""

from datetime import UTC, datetime
from functools import partial
from typing import Final, TypedDict

from chatapp.domain.accounts import Account, Principal, Role
from chatapp.domain.errors import Invalid, NotFound
from chatapp.domain.oversight import AdminUser, AuditLine, RunInFlight, UserPage
from chatapp.domain.security_events import SecurityEventKind
from chatapp.engine.dispatch import Dispatch
from chatapp.services.account_changes import note, set_disabled, set_password, set_role
from chatapp.services.accounts import Accounts
from chatapp.services.erasing import Erasing
from chatapp.services.passwords import Passwords, made_up_password
from chatapp.storage.database import Database, Transaction
from chatapp.storage.oversight import OversightRepository, Place
from chatapp.storage.runs import RunRepository
from chatapp.storage.security_events import SecurityEventRepository
from chatapp.streams.base import Job

__all__ = ["Admin"]

#: As many rows as are ever asked for at once.
MOST: Final = 1000
#: So many accounts are searched at once: some 10 ms, in which nobody else reads.
LOOKED_AT: Final = 1000


class Admin:
    """Every call asks anew whether its asker is an admin, and raises `NotFound` when not: at most 2 s out of
    date. `address` is where they ask from, for the audit log."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        passwords: Passwords,
        erasing: Erasing,
        dispatch: Dispatch,
    ) -> None:
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._passwords: Passwords = passwords
        self._erasing: Erasing = erasing
        self._dispatch: Dispatch = dispatch

    async def users(
        self, asker: Principal, *, search: str = "", limit: int = 50, after: str = ""
    ) -> UserPage:
        """Accounts, the newest first; `search` is looked for in emails and names, whatever its case.

        `after` is the page before's. Raises `Invalid` for another.
        """
        await self._accounts.require_admin(asker)
        wanted, before, limit = search.strip().casefold(), _place(after), min(limit, MOST)
        found = await self._found(wanted, limit + 1, before)
        shown = tuple(found[:limit])
        last = shown[-1].account if len(found) > limit else None
        return UserPage(users=shown, after=f"{last.created_at.isoformat()} {last.id}" if last else "")

    async def _found(self, search: str, limit: int, before: Place | None) -> list[AdminUser]:
        """What is looked for may be anywhere in a name, so no index has it. All accounts are looked through,
        some at a time: in one piece everybody's reads would wait for it."""
        found: list[AdminUser] = []
        while True:
            look = partial(_look, search=search, limit=limit - len(found), before=before)
            some, before = await self._database.read(look)
            found += some
            if before is None or len(found) >= limit:
                return found

    async def set_role(self, asker: Principal, account_id: str, role: Role, *, address: str = "") -> Account:
        """Makes a member an admin, or takes that back. Raises `LastAdmin`; `NotFound` for guests too."""
        await self._accounts.require_admin(asker)
        change = partial(set_role, account_id=account_id, role=role)
        return await self._database.write(lambda work: change(work, **_by(asker, address)))

    async def set_disabled(
        self, asker: Principal, account_id: str, disabled: bool, *, address: str = ""
    ) -> Account:
        """Ends all logins and replies of an account and lets it in no more; or lets it in again.

        What it has is kept. Raises `LastAdmin`.
        """
        await self._accounts.require_admin(asker)
        change = partial(set_disabled, account_id=account_id, disabled=disabled)
        return await self._database.write(lambda work: change(work, **_by(asker, address)))

    async def reset_password(self, asker: Principal, account_id: str, *, address: str = "") -> str:
        """Ends all logins of a member and gives them a made-up password. It is not kept, and cannot be told
        again. Raises `NotFound` for guests too."""
        await self._accounts.require_admin(asker)
        made = made_up_password()
        change = partial(set_password, account_id=account_id, password_hash=await self._passwords.hash(made))
        await self._database.write(lambda work: change(work, **_by(asker, address)))
        return made

    async def delete(self, asker: Principal, account_id: str, *, address: str = "") -> None:
        """Ends an account at once; what it had is removed for good soon after. Raises `LastAdmin`."""
        await self._accounts.require_admin(asker)
        await self._erasing.erase(account_id, actor_id=asker.account_id, address=address)

    async def runs(self, asker: Principal) -> tuple[RunInFlight, ...]:
        """The replies that are queued or being made, the oldest first."""
        await self._accounts.require_admin(asker)
        found = await self._database.read(
            lambda transaction: OversightRepository(transaction).runs(limit=MOST)
        )
        return tuple(found)

    async def stop_run(self, asker: Principal, run_id: str, *, address: str = "") -> None:
        """Stops a reply; its text so far stays. Raises `NotFound` when it has ended already."""
        await self._accounts.require_admin(asker)

        def work(transaction: Transaction) -> Job:
            run = RunRepository(transaction).cancel(run_id)
            if run is None:
                raise NotFound
            kind, by = SecurityEventKind.RUN_STOPPED, _by(asker, address)
            note(transaction, kind, run.owner_id, detail=run_id, **by)
            return Job.of(run)

        self._dispatch.stop(await self._database.write(work))

    async def events(
        self, asker: Principal, *, limit: int = 100, before: int | None = None
    ) -> tuple[AuditLine, ...]:
        """The audit log, the newest first; `before` is the id of the last one read."""
        await self._accounts.require_admin(asker)
        limit = min(limit, MOST)

        def work(transaction: Transaction) -> tuple[AuditLine, ...]:
            events = SecurityEventRepository(transaction).newest(limit=limit, before=before)
            named = {one for event in events for one in (event.account_id, event.actor_id)}
            accounts = OversightRepository(transaction).accounts(named)
            return tuple(
                AuditLine(
                    event=event,
                    account=accounts.get(event.account_id),
                    actor=accounts.get(event.actor_id),
                )
                for event in events
            )

        return await self._database.read(work)


def _look(
    transaction: Transaction, *, search: str, limit: int, before: Place | None
) -> tuple[list[AdminUser], Place | None]:
    """Those among the next `LOOKED_AT` accounts, and where they end; None at the end of all."""
    oversight = OversightRepository(transaction)
    end = oversight.place_of(LOOKED_AT, before=before) if search else None
    return oversight.users(search=search, limit=limit, before=before, down_to=end), end


class _By(TypedDict):
    """Who does it, when, and from where."""

    actor_id: str
    at: datetime
    address: str


def _by(asker: Principal, address: str) -> _By:
    return _By(actor_id=asker.account_id, at=datetime.now(UTC), address=address)


def _place(after: str) -> Place | None:
    if not after:
        return None
    at, _, account_id = after.partition(" ")
    try:
        place = datetime.fromisoformat(at)
    except ValueError:
        raise Invalid from None
    if place.tzinfo is None:
        raise Invalid
    return place, account_id
