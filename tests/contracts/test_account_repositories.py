"""What the repositories of accounts and logins promise: guarded changes, and nothing of one is another's."""

from datetime import UTC, datetime, timedelta

import pytest

from chatapp.domain.accounts import AccountKind, Principal, Role
from chatapp.domain.errors import NotSignedIn
from chatapp.domain.security_events import SecurityEvent, SecurityEventKind
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.logins import IDLE_TTL, LoginRepository
from chatapp.storage.security_events import SecurityEventRepository
from tests.storage.made import principal

NOW = datetime.now(UTC)
SECOND = timedelta(seconds=1)


def member(transaction: Transaction, name: str, *, role: Role = Role.USER) -> Principal:
    """Somebody with an email, and a login."""
    account = AccountRepository(transaction).add(
        account_id=principal(name).account_id,
        email=f"{name}@example.org",
        password_hash="hash",
        name=name,
        role=role,
        at=NOW,
    )
    login = Principal(
        account_id=account.id,
        login_id=principal(name).login_id,
        kind=AccountKind.MEMBER,
        expires_at=NOW + timedelta(days=30),
    )
    LoginRepository(transaction).add(login, at=NOW, agent="Firefox")
    return login


async def test_a_login_comes_back_as_it_was_stored(database: Database):
    def work(transaction: Transaction) -> None:
        ann = member(transaction, "ann", role=Role.ADMIN)
        stored = LoginRepository(transaction).get(ann.login_id)
        assert stored is not None
        assert stored.principal == ann
        assert (stored.role, stored.agent, stored.created_at) == (Role.ADMIN, "Firefox", NOW)
        assert LoginRepository(transaction).get_all([ann.login_id, "0" * 32]) == [stored]

    await database.write(work)


async def test_a_login_holds_until_one_of_its_ends(database: Database):
    """Its time, too long without use, revoked, disabled; a revocation may lie ahead."""

    def work(transaction: Transaction) -> None:
        logins = LoginRepository(transaction)
        ann = member(transaction, "ann")

        def holds(at: datetime) -> bool:
            stored = logins.get(ann.login_id)
            assert stored is not None
            return stored.holds(at)

        assert holds(NOW + IDLE_TTL - SECOND)
        assert not holds(NOW + IDLE_TTL)
        logins.touch(ann.login_id, at=NOW + timedelta(days=29))
        assert holds(ann.expires_at - SECOND)
        assert not holds(ann.expires_at)
        assert logins.revoke(ann.login_id, at=NOW, after=10 * SECOND)
        assert holds(NOW + 9 * SECOND)
        assert not holds(NOW + 10 * SECOND)
        # What is to end later can be ended now, once.
        assert logins.revoke(ann.login_id, at=NOW)
        assert not holds(NOW)
        assert not logins.revoke(ann.login_id, at=NOW + SECOND)
        bo = member(transaction, "bo")
        AccountRepository(transaction).change(bo.account_id, disabled_at=NOW)
        assert not [one for one in logins.of_account(bo.account_id) if one.holds(NOW)]

    await database.write(work)


async def test_logins_are_ended_for_their_account_alone(database: Database):
    def work(transaction: Transaction) -> None:
        logins = LoginRepository(transaction)
        ann, bo = member(transaction, "ann"), member(transaction, "bo")
        assert not logins.revoke_own(bo.account_id, ann.login_id, at=NOW)
        assert list(logins.revoke_all(bo.account_id, at=NOW)) == [bo.login_id]
        assert list(logins.revoke_all(bo.account_id, at=NOW)) == []
        assert [one.principal for one in logins.of_account(ann.account_id) if one.holds(NOW)] == [ann]

    await database.write(work)


async def test_a_password_is_changed_by_who_saw_the_last_one(database: Database):
    """Of two changes at once the second finds another hash; a disabled account has none to change."""

    def work(transaction: Transaction) -> None:
        accounts, ann = AccountRepository(transaction), member(transaction, "ann")
        assert accounts.change_password(ann.account_id, old_hash="hash", password_hash="new")
        assert not accounts.change_password(ann.account_id, old_hash="hash", password_hash="newer")
        assert accounts.password_hash(ann.account_id) == "new"
        accounts.change(ann.account_id, disabled_at=NOW)
        assert not accounts.change_password(ann.account_id, old_hash="new", password_hash="newer")

    await database.write(work)


async def test_a_guest_joins_once(database: Database):
    def work(transaction: Transaction) -> None:
        accounts, guest = AccountRepository(transaction), principal()
        accounts.ensure(guest, at=NOW)
        known_by = {"password_hash": "hash", "name": "", "role": Role.USER}
        joined = accounts.join(guest.account_id, email="ann@example.org", **known_by)
        assert joined is not None
        assert (joined.id, joined.kind) == (guest.account_id, AccountKind.MEMBER)
        assert accounts.join(guest.account_id, email="other@example.org", **known_by) is None

    await database.write(work)


async def test_admins_are_counted_without_those_who_cannot_come_in(database: Database):
    def work(transaction: Transaction) -> None:
        accounts = AccountRepository(transaction)
        assert not accounts.has_members()
        ann, bo = member(transaction, "ann", role=Role.ADMIN), member(transaction, "bo", role=Role.ADMIN)
        assert accounts.has_members()
        assert accounts.has_other_admin(ann.account_id)
        accounts.change(bo.account_id, disabled_at=NOW)
        assert not accounts.has_other_admin(ann.account_id)
        assert accounts.has_other_admin(bo.account_id)

    await database.write(work)


async def test_what_was_deleted_is_not_written_down_again(database: Database):
    """Until the cookie's own time is over."""

    def work(transaction: Transaction) -> None:
        logins, guest = LoginRepository(transaction), principal()
        logins.keep_gone([guest])
        logins.keep_gone([guest])
        assert logins.gone([guest.login_id, "0" * 32]) == {guest.login_id}
        with pytest.raises(NotSignedIn):
            AccountRepository(transaction).ensure(guest, at=NOW)
        assert logins.forget(before=guest.expires_at, most=10) == 0
        assert logins.forget(before=guest.expires_at + SECOND, most=10) == 1

    await database.write(work)


@pytest.mark.parametrize("kind", [AccountKind.VISITOR, AccountKind.MEMBER])
async def test_only_a_guest_is_written_down_on_the_cookie_s_word(database: Database, kind: AccountKind):
    """A member whose row is gone was deleted, and a visitor is nobody."""
    guest = principal()
    asker = Principal(
        account_id=guest.account_id, login_id=guest.login_id, kind=kind, expires_at=guest.expires_at
    )
    with pytest.raises(NotSignedIn):
        await database.write(lambda work: AccountRepository(work).ensure(asker, at=NOW))


async def test_security_events_are_read_backwards_page_by_page(database: Database):
    def work(transaction: Transaction) -> None:
        events = SecurityEventRepository(transaction)
        for number in range(7):
            at = NOW + number * SECOND
            events.add(SecurityEvent(kind=SecurityEventKind.LOGGED_IN, at=at, detail=str(number)))
        page = events.newest(limit=4)
        assert [one.detail for one in page] == ["6", "5", "4", "3"]
        assert [one.detail for one in events.newest(limit=4, before=page[-1].id)] == ["2", "1", "0"]
        assert events.forget(before=NOW + 5 * SECOND, most=3) == 3
        assert events.forget(before=NOW + 5 * SECOND, most=3) == 2
        assert [one.detail for one in events.newest(limit=4)] == ["6", "5"]

    await database.write(work)
