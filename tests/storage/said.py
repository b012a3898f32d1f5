"""A table in which somebody said something, to see on PostgreSQL who was before whom, and what was kept."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text

from chatapp.storage.database import Database, Transaction

#: In lanes of their own, whatever their number.
OWNERS: Final = [f"owner{number}" for number in range(8)]


@asynccontextmanager
async def where_one_says(url: str) -> AsyncGenerator[Database]:
    """A database with the table in it."""
    async with opened(url) as found:
        await found.change_schema(_made)
        yield found


def _made(transaction: Transaction) -> None:
    transaction.execute(text("CREATE TABLE said (at serial, word text)"))


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Database]:
    """Another process's view of the database, as far as the server can tell."""
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


def say(word: str) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.execute(
        text("INSERT INTO said (word) VALUES (:word)"), {"word": word}
    ).close()


def heard(transaction: Transaction) -> list[str]:
    return list(transaction.execute(text("SELECT word FROM said ORDER BY at")).scalars())
