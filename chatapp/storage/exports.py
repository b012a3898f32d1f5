"""All that somebody has, in order, for the export. What was deleted is not among it."""

from sqlalchemy import BindParameter, Connection, bindparam, select

from chatapp.storage.tables import CONVERSATIONS, MESSAGES

_conversations, _messages = CONVERSATIONS.c, MESSAGES.c
_owner: BindParameter[str] = bindparam("owner")
_key: BindParameter[int] = bindparam("in_key")

_mine = (_conversations.owner_id == _owner, _conversations.deleted_at.is_(None))
_KEYS = select(_conversations.key).where(*_mine).order_by(_conversations.key)
_MESSAGE_IDS = (
    select(_messages.id)
    .where(_messages.conversation_key == _key)
    .order_by(_messages.created_at, _messages.id)
)


class ExportRepository:
    """An owner's conversations and messages within one transaction, the oldest first."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def conversation_keys(self, owner_id: str) -> list[int]:
        """Of all that the owner has now, archived ones too."""
        return list(self._transaction.scalars(_KEYS, {"owner": owner_id}))

    def message_ids(self, conversation_key: int) -> list[str]:
        """Of all branches. The key says whose they are: ask for the conversation first."""
        return list(self._transaction.scalars(_MESSAGE_IDS, {"in_key": conversation_key}))
