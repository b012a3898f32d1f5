"""What replies cost, kept by day and model: the replies themselves may be deleted."""

from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, text

from chatapp.domain.messages import Message
from chatapp.domain.usage import UsedOnDay
from chatapp.storage.tables import USAGE

_usage = USAGE.c
_ADD: Final = text(
    """
INSERT INTO usage_days (owner_id, day, model, runs, input_tokens, output_tokens)
VALUES (:owner, :day, :model, 1, :input, :output)
ON CONFLICT (owner_id, day, model) DO UPDATE SET
    runs = usage_days.runs + 1,
    input_tokens = usage_days.input_tokens + excluded.input_tokens,
    output_tokens = usage_days.output_tokens + excluded.output_tokens
"""
)
_SINCE = (
    select(USAGE)
    .where(_usage.owner_id == bindparam("owner"), _usage.day >= bindparam("since"))
    .order_by(_usage.day, _usage.model)
)


def add_usage(transaction: Connection, owner_id: str, reply: Message, *, at: datetime) -> None:
    """Counts a reply that has ended, on the day on which it did."""
    values = {
        "owner": owner_id,
        "day": at.astimezone(UTC).date().isoformat(),
        "model": reply.model,
        "input": reply.usage.input_tokens,
        "output": reply.usage.output_tokens,
    }
    transaction.execute(_ADD, values)


class UsageRepository:
    """What was used, within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def since(self, owner_id: str, day: date) -> list[UsedOnDay]:
        """The owner's days from this one on, the oldest first."""
        rows = self._transaction.execute(_SINCE, {"owner": owner_id, "since": day.isoformat()})
        return [
            UsedOnDay(
                day=date.fromisoformat(row.day),
                model=row.model,
                runs=row.runs,
                input_tokens=row.input_tokens,
                output_tokens=row.output_tokens,
            )
            for row in rows
        ]
