"""What somebody has here is theirs: to take along, and to have removed."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Final, NamedTuple

from chatapp.domain.accounts import AccountKind, ApiKey, Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import TooMany
from chatapp.domain.feedback import Feedback
from chatapp.domain.messages import Message
from chatapp.domain.security_events import SecurityEventKind
from chatapp.domain.usage import UsedOnDay
from chatapp.services import exporting
from chatapp.services.account_changes import note
from chatapp.services.accounts import Accounts
from chatapp.services.erasing import Erasing
from chatapp.services.sign_in import SignIn, Visit
from chatapp.services.windows import current
from chatapp.storage.accounts import AccountRepository
from chatapp.storage.api_keys import ApiKeyRepository
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.exports import ExportRepository
from chatapp.storage.feedback import FeedbackRepository
from chatapp.storage.trees import TreeRepository
from chatapp.storage.usage import UsageRepository

#: So many messages are read and written at once: some milliseconds, and others' reads come in between.
BATCH: Final = 100
Rated = tuple[Message, Feedback | None]


class OwnData:
    """Export and end of an account, by its owner."""

    def __init__(self, *, database: Database, accounts: Accounts, sign_in: SignIn, erasing: Erasing) -> None:
        self._database: Database = database
        self._accounts: Accounts = accounts
        self._sign_in: SignIn = sign_in
        self._erasing: Erasing = erasing
        self._exporting: set[str] = set()

    async def export(self, asker: Principal, *, address: str = "") -> AsyncGenerator[bytes]:
        """All that they have, as one JSON document in UTF-8, in pieces; its shape is in docs/data.md.
        `address` is where they ask from, for the audit log.

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
            at = datetime.now(UTC)
            await self._database.write(
                lambda transaction: _note_export(transaction, asker, address), of=asker.account_id
            )
            has = await self._database.read(lambda transaction: _whole(transaction, asker, at))
            yield exporting.opening(account, has.api_keys, has.used, at=at).encode()
            is_first = True
            for key in has.conversation_keys:
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
            read = partial(_read, ids=ids[start : start + BATCH], asker=asker, key=key)
            yield exporting.messages(await self._database.read(read), are_first=False)
        yield exporting.CONVERSATION_CLOSING


def _note_export(transaction: Transaction, asker: Principal, address: str) -> None:
    """Whoever has nothing is not written down for asking."""
    if AccountRepository(transaction).get(asker.account_id) is not None:
        kind, at = SecurityEventKind.DATA_EXPORTED, datetime.now(UTC)
        note(transaction, kind, asker.account_id, at=at, address=address)


class _Has(NamedTuple):
    api_keys: Sequence[ApiKey]
    used: list[UsedOnDay]
    conversation_keys: list[int]


def _whole(transaction: Transaction, asker: Principal, at: datetime) -> _Has:
    """What there is besides conversations, and which of these there are."""
    return _Has(
        api_keys=ApiKeyRepository(transaction).of_account(asker.account_id, at=at),
        used=UsageRepository(transaction).since(asker.account_id, date.min),
        conversation_keys=ExportRepository(transaction).conversation_keys(asker.account_id),
    )


def _beginning(
    transaction: Transaction, asker: Principal, key: int
) -> tuple[Conversation, list[str], list[Rated]] | None:
    """A conversation, the ids of all its messages, and the first of these; None when it is gone."""
    conversation = ConversationRepository(transaction).by_key(asker.account_id, key)
    if conversation is None:
        return None
    ids = ExportRepository(transaction).message_ids(key)
    return conversation, ids, _read(transaction, ids[:BATCH], asker=asker, key=key)


def _read(transaction: Transaction, ids: list[str], *, asker: Principal, key: int) -> list[Rated]:
    """These messages as they are now; a reply that is being made with its text so far."""
    stored = TreeRepository(transaction).snapshots(key, ids)
    feedback = FeedbackRepository(transaction).of(asker.account_id, ids)
    return [(current(transaction, one).message, feedback.get(one.message.id)) for one in stored]
