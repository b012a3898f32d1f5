"""`python -m bench.search`: how long a search takes as one types, in a database of so many messages.

One person owns them all, which is the worst case. Words are drawn as in a language: a few short ones are
everywhere. What is typed is drawn likewise, so common words are typed as often as they are said.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median, quantiles

from chatapp.domain.accounts import Principal
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message, Role, TextPart
from chatapp.services.search import Search
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from tests.storage.made import make_conversation, opened_database, principal

LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
#: Messages of a conversation, and their lengths in words: short questions, long answers.
IN_ONE, LENGTHS = 40, (8, 15, 25, 150, 300)


class Language:
    """A made-up one, the same for the same seed; the n-th word is said 1/n as often as the first."""

    def __init__(self, seed: int = 1) -> None:
        self.chances = random.Random(seed)
        count = 40_000
        words = ["".join(self.chances.choices(LETTERS, k=self.chances.randint(2, 11))) for _ in range(count)]
        self.words = sorted(words, key=lambda word: len(word) + 4 * self.chances.random())
        self._shares = list(accumulate(1 / n for n in range(1, count + 1)))

    def text(self, length: int) -> str:
        """So many words as they are said."""
        return " ".join(self.chances.choices(self.words, cum_weights=self._shares, k=length))


async def main() -> None:
    """Fills a database, types, prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--messages", "-n", type=int, default=100_000)
    arguments = parser.parse_args()
    language, owner = Language(), principal()
    with tempfile.TemporaryDirectory() as folder:
        async with opened_database(Path(folder) / "bench.db") as database:
            started = time.perf_counter()
            for _ in range(arguments.messages // IN_ONE):
                await database.write(lambda transaction: _conversation(transaction, language, owner))
            seconds = time.perf_counter() - started
            size = (Path(folder) / "bench.db").stat().st_size / 1e6
            print(f"{arguments.messages} messages written in {seconds:.0f} s, {size:.0f} MB")
            await _type(database, language, owner)


def _conversation(transaction: Transaction, language: Language, owner: Principal) -> None:
    conversation = make_conversation(transaction, owner)
    at = datetime.now(UTC) - timedelta(days=language.chances.random() * 700)
    for _ in range(IN_ONE):
        message = Message(
            id=new_id(),
            role=Role.USER,
            created_at=at,
            parts=(TextPart(text=language.text(language.chances.choice(LENGTHS))),),
        )
        ConversationRepository(transaction).add_message(conversation, message)


async def _type(database: Database, language: Language, owner: Principal) -> None:
    search = Search(database=database)
    for count in (1, 2, 3):
        times: dict[str, list[float]] = {}
        for _ in range(30):
            phrase = " ".join(language.text(1) for _ in range(count))
            for end in range(1, len(phrase) + 1):
                started = time.perf_counter()
                await search.find(owner, phrase[:end])
                taken = 1000 * (time.perf_counter() - started)
                last = len(phrase[:end].split(" ")[-1])
                times.setdefault(f"{min(last, 4)}", []).append(taken)
                times.setdefault("all", []).append(taken)
        for letters, found in sorted(times.items()):
            print(f"up to {count} words, {letters:>3} letters of the last: {_line(found)}")


def _line(times: Sequence[float]) -> str:
    return f"p50 {median(times):5.1f}  p95 {quantiles(times, n=20)[-1]:5.1f}  max {max(times):5.1f} ms"


if __name__ == "__main__":
    asyncio.run(main())
