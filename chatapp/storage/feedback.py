"""What people think of replies."""

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select

from chatapp.domain.feedback import Feedback, Rating
from chatapp.storage.tables import FEEDBACK

_feedback = FEEDBACK.c
_account: BindParameter[str] = bindparam("account")
_message: BindParameter[str] = bindparam("message")
_ids: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)

_OF = select(FEEDBACK).where(_feedback.message_id.in_(_ids), _feedback.account_id == _account)
_TAKE_BACK = delete(FEEDBACK).where(_feedback.message_id == _message, _feedback.account_id == _account)
_GIVE = insert(FEEDBACK)


class FeedbackRepository:
    """Feedback within one transaction. Whose the messages are is to be asked first."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def of(self, account_id: str, message_ids: Sequence[str]) -> dict[str, Feedback]:
        """What this account said of these messages; those of which it said nothing are left out."""
        if not message_ids:
            return {}
        rows = self._transaction.execute(_OF, {"account": account_id, "ids": list(message_ids)})
        return {
            row.message_id: Feedback(value=Rating(row.value), at=row.at, comment=row.comment) for row in rows
        }

    def put(self, account_id: str, message_id: str, feedback: Feedback | None) -> None:
        """In place of what was said before; None takes it back."""
        self._transaction.execute(_TAKE_BACK, {"account": account_id, "message": message_id})
        if feedback is not None:
            values = {
                "account_id": account_id,
                "message_id": message_id,
                "value": feedback.value.value,
                "comment": feedback.comment,
                "at": feedback.at,
            }
            self._transaction.execute(_GIVE, values)
