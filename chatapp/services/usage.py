"""What somebody's replies took."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from chatapp.domain.accounts import Principal
from chatapp.domain.usage import UsedOnDay
from chatapp.storage.database import Database
from chatapp.storage.usage import UsageRepository

__all__ = ["UsageService", "UsedOnDay"]


class UsageService:
    """Counted when a reply ends, and kept when it is deleted."""

    def __init__(
        self, *, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database: Database = database
        self._now: Callable[[], datetime] = now

    async def used(self, principal: Principal, *, days: int) -> list[UsedOnDay]:
        """The asker's own, by day (UTC) and model, of so many days up to today; the oldest first."""
        first = self._now().date() - timedelta(days=days - 1)
        return await self._database.read(
            lambda transaction: UsageRepository(transaction).since(principal.account_id, first)
        )
