"""What somebody has here is theirs: to take along, and to have removed."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from functools import partial
from typing import Final

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import TooMany
from chatapp.domain.messages import Message
from chatapp.domain.security_events import SecurityEventKind
from chatapp.services import exporting
from chatapp.services.account_changes import note
from chatapp.services.accounts import Accounts
from chatapp.services.erasing import Erasing
from chatapp.services.sign_in import SignIn, Visit
from chatapp.services.windows import current
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.exports import ExportRepository
from chatapp.storage.trees import TreeRepository

#: So many messages are read and written at once: some milliseconds, and others' reads come in between.
BATCH: Final = 100


class OwnData:
    """Export and end of an account, by its owner."""

    def __init__(self, *, database: Database, accounts: Accounts, sign_in: SignIn, erasing: Erasing) -> None:
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._sign_in: SignIn = sign_in
        self._erasing: Erasing = erasing
        self._exporting: set[str] = set()

    async def export(self, asker: Principal) -> AsyncGenerator[bytes]:
        """All that they have, as one JSON document in UTF-8, in pieces; its shape is in docs/data.md.

        What is changed or deleted meanwhile may be in it or not; each message is whole.

        Raises:
            NotSignedIn: at the first piece, or at any later one when the login ends meanwhile.
            TooMany: they have another export running.
        """
        account = await self._accounts.account(asker)
        if asker.account_id in self._exporting:
            raise TooMany("An export is already running.", advice="Please wait for its end.")
        self._exporting.add(asker.account_id)
        try:
            await self._database.write(lambda transaction: _note_export(transaction, asker))
            yield exporting.opening(account, at=datetime.now(UTC)).encode()
            keys = await self._database.read(
                lambda transaction: ExportRepository(transaction).conversation_keys(asker.account_id)
            )
            is_first = True
            for key in keys:
                async for piece in self._conversation(asker, key, is_first=is_first):
                    is_first = False
                    yield piece.encode()
            yield exporting.CLOSING.encode()
        finally:
            self._exporting.discard(asker.account_id)

    async def delete_account(self, asker: Principal, *, password: str = "", visit: Visit) -> None:
        """Ends the account and all its logins at once; what it had is removed for good soon after.

        Members must say their password. Raises `WrongLogin`, `LastAdmin`, `TooMany`, `NotSignedIn`.
        """
        await self._accounts.require(asker)
        if asker.kind is AccountKind.MEMBER:
            await self._sign_in.check_password(asker, password, visit=visit)
        await self._erasing.erase_own(asker, address=visit.address)

    async def _conversation(self, asker: Principal, key: int, *, is_first: bool) -> AsyncGenerator[str]:
        await self._accounts.require(asker)
        found = await self._database.read(lambda transaction: _beginning(transaction, asker, key))
        if found is None:
            return
        conversation, ids, batch = found
        yield exporting.conversation_opening(conversation, is_first=is_first)
        yield exporting.messages(batch, are_first=True)
        for start in range(BATCH, len(ids), BATCH):
            await self._accounts.require(asker)
            read = partial(_read, key=key, ids=ids[start : start + BATCH])
            yield exporting.messages(await self._database.read(read), are_first=False)
        yield exporting.CONVERSATION_CLOSING


def _note_export(transaction: Transaction, asker: Principal) -> None:
    """Whoever has nothing is not written down for asking."""
    if AccountRepository(transaction).get(asker.account_id) is not None:
        kind, at = SecurityEventKind.DATA_EXPORTED, datetime.now(UTC)
        note(transaction, kind, asker.account_id, at=at)


def _beginning(
    transaction: Transaction, asker: Principal, key: int
) -> tuple[Conversation, list[str], list[Message]] | None:
    """A conversation, the ids of all its messages, and the first of these; None when it is gone."""
    exports = ExportRepository(transaction)
    conversation = exports.conversation(asker.account_id, key)
    if conversation is None:
        return None
    ids = exports.message_ids(key)
    return conversation, ids, _read(transaction, key, ids[:BATCH])


def _read(transaction: Transaction, key: int, ids: list[str]) -> list[Message]:
    """These messages as they are now; a reply that is being made with its text so far."""
    stored = TreeRepository(transaction).snapshots(key, ids)
    return [current(transaction, snapshot).message for snapshot in stored]
