"""The audit log: written in the same transaction as what it tells of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from chatapp.domain.security_events import SecurityEvent, SecurityEventKind
from chatapp.storage.tables import SECURITY_EVENTS

_events = SECURITY_EVENTS.c
_ADD = insert(SECURITY_EVENTS)
_NEWEST = select(SECURITY_EVENTS).order_by(_events.id.desc()).limit(bindparam("most"))
_NEWEST_BEFORE = _NEWEST.where(_events.id < bindparam("before"))
_FORGET = delete(SECURITY_EVENTS).where(
    _events.id.in_(select(_events.id).where(_events.at < bindparam("until")).limit(bindparam("most")))
)


class SecurityEventRepository:
    """Security events within one transaction."""

    def __init__(self, transaction: Connection) -> None:
        self._transaction: Connection = transaction

    def add(self, event: SecurityEvent) -> None:
        """Writes it down."""
        values = {
            "at": event.at,
            "kind": event.kind.value,
            "account_id": event.account_id,
            "actor_id": event.actor_id,
            "address": event.address,
            "detail": event.detail,
        }
        self._transaction.execute(_ADD, values)

    def newest(self, *, limit: int, before: int | None = None) -> Sequence[SecurityEvent]:
        """The newest first; with `before`, those with lower ids."""
        if before is None:
            rows = self._transaction.execute(_NEWEST, {"most": limit})
        else:
            rows = self._transaction.execute(_NEWEST_BEFORE, {"most": limit, "before": before})
        return [
            SecurityEvent(
                id=row.id,
                at=row.at,
                kind=SecurityEventKind(row.kind),
                account_id=row.account_id,
                actor_id=row.actor_id,
                address=row.address,
                detail=row.detail,
            )
            for row in rows
        ]

    def forget(self, *, before: datetime, most: int) -> int:
        """Removes what is older; returns how many."""
        return self._transaction.execute(_FORGET, {"until": before, "most": most}).rowcount
