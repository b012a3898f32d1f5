"""What admins and operators do to an account, within one transaction and with its line in the audit log.

Whoever calls has made sure that the actor may do it. Nothing has to be told to the rest of the process: a
login that has ended is out within 5 s, and the worker's scan stops what is marked within one.
"""

from datetime import datetime

from chatapp.domain.accounts import Account, AccountKind, Role
from chatapp.domain.errors import LastAdmin, NotFound
from chatapp.domain.security_events import SecurityEvent, SecurityEventKind
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Transaction
from chatapp.storage.logins import LoginRepository
from chatapp.storage.runs import RunRepository
from chatapp.storage.security_events import SecurityEventRepository


def set_disabled(
    transaction: Transaction,
    account_id: str,
    disabled: bool,
    *,
    actor_id: str,
    at: datetime,
    address: str = "",
) -> Account:
    """Locks an account out: all its logins and keys end and its replies stop. Or lets it in again, by a new
    login.

    Raises `NotFound`, `LastAdmin`.
    """
    account = found(transaction, account_id)
    if disabled:
        require_another_admin(transaction, account)
        LoginRepository(transaction).revoke_all(account_id, at=at)
        RunRepository(transaction).cancel_own(account_id)
    if disabled != account.disabled:
        kind = SecurityEventKind.DISABLED if disabled else SecurityEventKind.ENABLED
        note(transaction, kind, account_id, actor_id=actor_id, at=at, address=address)
    return _changed(transaction, account_id, disabled_at=at if disabled else None)


def set_role(
    transaction: Transaction, account_id: str, role: Role, *, actor_id: str, at: datetime, address: str = ""
) -> Account:
    """Gives a member another role. Raises `NotFound`, also for a guest; `LastAdmin`."""
    account = found(transaction, account_id)
    if account.kind is not AccountKind.MEMBER:
        raise NotFound
    if role is not Role.ADMIN:
        require_another_admin(transaction, account)
    if role is not account.role:
        note(
            transaction,
            SecurityEventKind.ROLE_CHANGED,
            account_id,
            actor_id=actor_id,
            at=at,
            address=address,
            detail=role.value,
        )
    return _changed(transaction, account_id, role=role.value)


def set_password(
    transaction: Transaction,
    account_id: str,
    password_hash: str,
    *,
    actor_id: str,
    at: datetime,
    address: str = "",
) -> Account:
    """Gives a member another password; all its logins and keys end. Raises `NotFound`, also for a guest."""
    if found(transaction, account_id).kind is not AccountKind.MEMBER:
        raise NotFound
    LoginRepository(transaction).revoke_all(account_id, at=at)
    note(transaction, SecurityEventKind.PASSWORD_RESET, account_id, actor_id=actor_id, at=at, address=address)
    return _changed(transaction, account_id, password_hash=password_hash)


def require_another_admin(transaction: Transaction, account: Account) -> None:
    """Raises `LastAdmin` if without this account nobody could do what admins do."""
    is_admin = account.role is Role.ADMIN and not account.disabled
    if is_admin and not AccountRepository(transaction).has_other_admin(account.id):
        raise LastAdmin


def found(transaction: Transaction, account_id: str) -> Account:
    """The account. Raises `NotFound`."""
    account = AccountRepository(transaction).get(account_id)
    if account is None:
        raise NotFound
    return account


def note(
    transaction: Transaction,
    kind: SecurityEventKind,
    account_id: str,
    *,
    at: datetime,
    actor_id: str | None = None,
    address: str = "",
    detail: str = "",
) -> None:
    """A line in the audit log; without an actor it was the account itself."""
    event = SecurityEvent(
        kind=kind,
        at=at,
        account_id=account_id,
        actor_id=account_id if actor_id is None else actor_id,
        address=address,
        detail=detail,
    )
    SecurityEventRepository(transaction).add(event)


def _changed(transaction: Transaction, account_id: str, **values: str | datetime | None) -> Account:
    account = AccountRepository(transaction).change(account_id, **values)
    if account is None:
        raise NotFound
    return account
