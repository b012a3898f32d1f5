"""Coming in and going out: accounts are made, passwords checked, logins begun, listed and ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chatapp.domain.accounts import Account, AccountKind, HeldBy, LoginSession, Principal, Role
from chatapp.domain.credentials import email_of, name_of, new_password_of, password_of
from chatapp.domain.errors import (
    Conflict,
    EmailTaken,
    Invalid,
    NotForKeys,
    NotFound,
    NotSignedIn,
    SignUpClosed,
    WrongLogin,
)
from chatapp.domain.ids import new_id
from chatapp.domain.security_events import SecurityEventKind
from chatapp.services.account_changes import note
from chatapp.services.accounts import Accounts
from chatapp.services.cookies import TICKET_TTL
from chatapp.services.passwords import Passwords
from chatapp.services.signing import utc_now
from chatapp.services.throttles import Throttles
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.logins import LoginRepository

#: A guest's login outlives registering by this: the page that asked is still on its socket, and needs it
#: until it has been sent to its new cookie, however slow its network is.
GRACE: Final = TICKET_TTL
MAX_AGENT_CHARS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """Where somebody comes from: for throttles, the audit log, and the list of logins.

    `page_of`: the login whose page asks on its socket, where no cookie can be set; "" elsewhere.
    """

    address: str
    agent: str = ""
    page_of: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """Somebody has come in: the cookie to be set, whose it is, and how long it is good.

    `ticket`: with what the page that asked fetches the cookie: once, within 30 s, from any process, and as
    the login that asked alone. "" where no page asked.
    """

    cookie: str = field(repr=False)
    account: Account
    expires_at: datetime
    ticket: str = field(default="", repr=False)


class SignIn:
    """What people do with their logins and passwords."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        passwords: Passwords,
        throttles: Throttles,
        allow_sign_up: bool = True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._passwords: Passwords = passwords
        self._allow_sign_up: bool = allow_sign_up
        self._now: Callable[[], datetime] = now
        self._throttles: Throttles = throttles

    async def sign_up_open(self) -> bool:
        """Whether somebody may make an account now. The first one always can be made."""
        if self._allow_sign_up:
            return True
        return not await self._database.read(lambda work: AccountRepository(work).has_members())

    async def register(
        self, asker: Principal | None, *, email: str, password: str, name: str = "", visit: Visit
    ) -> Admission:
        """Makes an account and logs in. A guest keeps what is the guest's; the first member is admin.

        Raises `Invalid`, `WeakPassword`, `EmailTaken`, `SignUpClosed`, `TooMany`, `NotSignedIn`.
        """
        email, name = email_of(email), name_of(name)
        password = new_password_of(password, email=email)
        if not await self.sign_up_open():
            raise SignUpClosed
        await self._throttles.sign_up(address=visit.address)
        password_hash = await self._passwords.hash(password)

        def work(transaction: Transaction) -> Admission:
            accounts, at = AccountRepository(transaction), self._now()
            is_first = not accounts.has_members()
            if not (self._allow_sign_up or is_first):
                raise SignUpClosed
            if accounts.by_email(email) is not None:
                raise EmailTaken
            known_by = {"email": email, "password_hash": password_hash, "name": name}
            role = Role.ADMIN if is_first else Role.USER
            if asker is not None and asker.kind is AccountKind.GUEST:
                accounts.ensure(asker, at=at)
                account = accounts.join(asker.account_id, **known_by, role=role)
                if account is None:
                    raise Conflict
                LoginRepository(transaction).revoke(asker.login_id, at=at, after=GRACE)
            else:
                account = accounts.add(account_id=new_id(), **known_by, role=role, at=at)
            return self._admit(transaction, account, SecurityEventKind.REGISTERED, visit, at=at)

        return await self._database.write(work)

    async def log_in(self, *, email: str, password: str, visit: Visit) -> Admission:
        """Checks the password and begins a login.

        Raises `WrongLogin`, which does not say what was wrong and takes the same time whatever it was;
        `TooMany` after too many of them, from one address or for one email; `Invalid` for what is no email.
        """
        email, password = email_of(email), password_of(password)
        async with self._throttles.trying(address=visit.address, email=email):
            found = await self._database.read(lambda work: AccountRepository(work).by_email(email))
            account, stored = found or (None, None)
            fits = await self._passwords.fits(password, stored)
            if account is None or stored is None or account.disabled or not fits:
                await self._note_failure(account.id if account else "", visit)
                raise WrongLogin
            outdated = self._passwords.is_outdated(stored)
            password_hash = await self._passwords.hash(password) if outdated else stored

            def work(transaction: Transaction) -> Admission:
                # Changed or disabled while the password was checked: what was right then is wrong now.
                accounts = AccountRepository(transaction)
                if not accounts.change_password(account.id, old_hash=stored, password_hash=password_hash):
                    raise WrongLogin
                return self._admit(transaction, account, SecurityEventKind.LOGGED_IN, visit, at=self._now())

            return await self._database.write(work, of=account.id)

    async def redeem(self, asker_login_id: str, ticket: str) -> Admission | None:
        """The admission that the ticket stands for; the login that asked has ended then. None for any other
        ticket."""
        cookies = self._accounts.cookies
        cookie = cookies.by_ticket(ticket, asker_login_id)
        claim = cookies.read(cookie) if cookie else None
        if cookie is None or claim is None:
            return None

        def work(transaction: Transaction) -> Account | None:
            logins, at = LoginRepository(transaction), self._now()
            if not logins.begin(claim.login_id, at=at):
                return None
            logins.revoke(asker_login_id, at=at)
            begun = logins.get(claim.login_id)
            return AccountRepository(transaction).get(begun.principal.account_id) if begun else None

        account = await self._database.write(work)
        if account is None:
            return None
        self._accounts.know_ended([asker_login_id])
        return Admission(cookie=cookie, account=account, expires_at=claim.expires_at)

    async def change_password(self, asker: Principal, *, old: str, new: str, visit: Visit) -> None:
        """Changes it and ends all other logins.

        Raises `WrongLogin` when the old one is wrong, `WeakPassword`, `Invalid`, `TooMany`.
        """
        account, stored = await self._checked(asker, old, visit, wrong="The old password is wrong.")
        new = new_password_of(new, email=account.email)
        password_hash = await self._passwords.hash(new)

        def work(transaction: Transaction) -> list[str]:
            accounts, at = AccountRepository(transaction), self._now()
            if not accounts.change_password(account.id, old_hash=stored, password_hash=password_hash):
                raise Conflict
            note(
                transaction,
                SecurityEventKind.PASSWORD_CHANGED,
                asker.account_id,
                at=at,
                address=visit.address,
            )
            others = LoginRepository(transaction).revoke_others(account.id, but=asker.login_id, at=at)
            return list(others)

        self._accounts.know_ended(await self._database.write(work, of=account.id))

    async def check_password(self, asker: Principal, password: str, *, visit: Visit) -> None:
        """Before what only they themselves may do, and not whoever sits down at their browser.

        Raises `WrongLogin`, `TooMany`, `NotSignedIn`; `Invalid` for guests, who have no password.
        """
        await self._checked(asker, password, visit, wrong="The password is wrong.")

    async def rename(self, asker: Principal, name: str) -> Account:
        """Gives the asker another name; "" is none. Raises `Invalid`, `NotSignedIn`."""
        await self._accounts.require(asker)
        name = name_of(name)

        def work(transaction: Transaction) -> Account:
            accounts = AccountRepository(transaction)
            accounts.ensure(asker, at=self._now())
            account = accounts.change(asker.account_id, name=name)
            if account is None:
                raise NotSignedIn
            return account

        return await self._database.write(work, of=asker.account_id)

    async def log_out(self, asker: Principal, *, address: str = "") -> None:
        """Ends the login that asks. Raises `NotForKeys` for a key, which is revoked instead."""
        if asker.held_by is HeldBy.KEY:
            raise NotForKeys("A key is not logged out.")

        def work(transaction: Transaction) -> None:
            logins, at = LoginRepository(transaction), self._now()
            if logins.revoke(asker.login_id, at=at):
                kind = SecurityEventKind.LOGGED_OUT
                note(transaction, kind, asker.account_id, at=at, address=address)
            elif asker.held_by is HeldBy.TOKEN:
                # There is no cookie to be cleared, so it must be known. Of a guest in a browser who has sent
                # nothing there is nothing to end.
                logins.keep_gone([asker])

        await self._database.write(work, of=asker.account_id)
        self._accounts.know_ended([asker.login_id])

    async def logins(self, asker: Principal) -> tuple[LoginSession, ...]:
        """Where the asker is signed in now: first here, then the last seen."""
        await self._accounts.require(asker)
        stored = await self._database.read(lambda work: LoginRepository(work).of_account(asker.account_id))
        now = self._now()
        found = [
            LoginSession(
                id=one.principal.login_id,
                created_at=one.created_at,
                last_seen_at=one.last_seen_at,
                expires_at=one.principal.expires_at,
                agent=one.agent,
                current=one.principal.login_id == asker.login_id,
            )
            for one in stored
            if one.begun and one.holds(now)
        ]
        return tuple(sorted(found, key=lambda one: not one.current))

    async def end_login(self, asker: Principal, login_id: str, *, address: str = "") -> None:
        """Ends one of the asker's own logins. Raises `NotFound`."""
        await self._accounts.require(asker)

        def work(transaction: Transaction) -> None:
            at = self._now()
            if not LoginRepository(transaction).revoke_own(asker.account_id, login_id, at=at):
                raise NotFound
            note(transaction, SecurityEventKind.LOGIN_ENDED, asker.account_id, at=at, address=address)

        await self._database.write(work, of=asker.account_id)
        self._accounts.know_ended([login_id])

    async def end_other_logins(self, asker: Principal, *, address: str = "") -> int:
        """Ends all logins of the asker but the one that asks; returns how many."""
        await self._accounts.require(asker)

        def work(transaction: Transaction) -> list[str]:
            at = self._now()
            others = LoginRepository(transaction).revoke_others(asker.account_id, but=asker.login_id, at=at)
            if others:
                kind = SecurityEventKind.OTHER_LOGINS_ENDED
                note(transaction, kind, asker.account_id, at=at, address=address)
            return list(others)

        ended = await self._database.write(work, of=asker.account_id)
        self._accounts.know_ended(ended)
        return len(ended)

    async def _checked(
        self, asker: Principal, password: str, visit: Visit, *, wrong: str
    ) -> tuple[Account, str]:
        """The asker's account and the hash of the password, which is this one."""
        await self._accounts.require(asker)
        account, stored = await self._database.read(lambda work: _member(work, asker))
        async with self._throttles.trying(address=visit.address, email=account.email):
            if not await self._passwords.fits(password_of(password), stored):
                await self._note_failure(account.id, visit)
                raise WrongLogin(wrong)
        return account, stored

    def _admit(
        self,
        transaction: Transaction,
        account: Account,
        kind: SecurityEventKind,
        visit: Visit,
        *,
        at: datetime,
    ) -> Admission:
        cookies = self._accounts.cookies
        ticket = cookies.make_ticket() if visit.page_of else ""
        cookie = cookies.by_ticket(ticket, visit.page_of) if ticket else cookies.make_member()
        assert cookie is not None
        claim = cookies.read(cookie)
        assert claim is not None
        principal = Principal(
            account_id=account.id,
            login_id=claim.login_id,
            kind=AccountKind.MEMBER,
            expires_at=claim.expires_at,
        )
        agent = "".join(char for char in visit.agent if char.isprintable())[:MAX_AGENT_CHARS]
        LoginRepository(transaction).add(principal, at=at, agent=agent, begun=not ticket)
        note(transaction, kind, account.id, at=at, address=visit.address)
        return Admission(cookie=cookie, account=account, expires_at=claim.expires_at, ticket=ticket)

    async def _note_failure(self, account_id: str, visit: Visit) -> None:
        """An unknown email is not written down: some type their password there."""
        kind, at, address = SecurityEventKind.LOGIN_FAILED, self._now(), visit.address
        await self._database.write(
            lambda work: note(work, kind, account_id, actor_id="", at=at, address=address),
            of=account_id or "nobody",
        )


def _member(transaction: Transaction, asker: Principal) -> tuple[Account, str]:
    accounts = AccountRepository(transaction)
    account, password_hash = accounts.get(asker.account_id), accounts.password_hash(asker.account_id)
    if account is None or password_hash is None:
        raise Invalid("You have no password yet.", advice="Please create an account first.")
    return account, password_hash
