"""Finding what was said."""

from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.domain.search import Hit
from chatapp.domain.texts import clean
from chatapp.storage.database import Database
from chatapp.storage.search import SearchRepository

__all__ = ["Hit", "Search"]

#: What is longer is cut: nobody types it, and somebody pastes it.
MAX_QUERY_CHARS: Final = 300
MAX_WORDS: Final = 16


class Search:
    """Search as one types."""

    def __init__(self, *, database: Database) -> None:
        self._database: Database = database

    async def find(self, principal: Principal, query: str, *, limit: int = 30) -> tuple[Hit, ...]:
        """The owner's titles, then messages of all branches, that have all words of the query.

        The last word is also found as a beginning. Case and accents do not matter. Any text is a query; one
        without letters and digits finds nothing.
        """
        words = [word for word in clean(query[:MAX_QUERY_CHARS]).split() if any(map(str.isalnum, word))]
        if not words:
            return ()
        found = await self._database.read(
            lambda transaction: SearchRepository(transaction).find(
                principal.account_id, words[:MAX_WORDS], limit=limit
            )
        )
        return tuple(found)
