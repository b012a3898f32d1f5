"""`python -m bench.search`: what a search costs as one types, in databases of so many messages.

One person owns them all, which is the worst case. Words are drawn as in a language: a few short ones are
everywhere. What is typed is drawn likewise, so common words are typed as often as they are said. Each kind of
database is asked for the same, one after the other in one sitting: wall time and CPU time, which a busy
machine does not change, of this process and of PostgreSQL's together.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from tests.postgres import PostgresServer
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


@dataclass(frozen=True, slots=True)
class Place:
    """An empty database."""

    name: str
    url: str
    #: CPU time of the servers that belong to it, in seconds.
    cpu_s: Callable[[], float] = lambda: 0.0
    #: What a server does by itself after a while.
    settle: Callable[[], object] = lambda: None
    size: Callable[[], float] = lambda: 0.0


@contextmanager
def _sqlite() -> Generator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        yield Place("sqlite", f"sqlite:///{file}", size=lambda: file.stat().st_size / 1e6)


@contextmanager
def _postgresql() -> Generator[Place]:
    server = PostgresServer()
    try:
        url = server.start().create_database()
        name = url.rpartition("/")[2]
        yield Place(
            "postgresql",
            url,
            cpu_s=lambda: sum(map(_cpu_s, server.pids())),
            settle=lambda: server.run("VACUUM ANALYZE", database=name),
            size=lambda: server.run(f"SELECT pg_database_size('{name}')")[0][0] / 1e6,
        )
    finally:
        server.stop()


def _cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


KINDS = {"sqlite": _sqlite, "postgresql": _postgresql}


async def main() -> None:
    """Fills the databases, types, prints a table for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--messages", "-n", type=int, default=100_000)
    parser.add_argument("--database", choices=[*KINDS, "both"], default="sqlite")
    arguments = parser.parse_args()
    for kind in KINDS if arguments.database == "both" else [arguments.database]:
        with KINDS[kind]() as place:
            async with opened_database(place.url) as database:
                await _measure(place, database, arguments.messages)


async def _measure(place: Place, database: Database, count: int) -> None:
    language, owner = Language(), principal()
    started = time.perf_counter()
    for _ in range(count // IN_ONE):
        await database.write(lambda transaction: _conversation(transaction, language, owner))
    seconds = time.perf_counter() - started
    place.settle()
    print(f"{place.name}: {count} messages written in {seconds:.0f} s, {place.size():.0f} MB", flush=True)
    await _type(place, database, language, owner)


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


async def _type(place: Place, database: Database, language: Language, owner: Principal) -> None:
    search = Search(database=database)
    for count in (1, 2, 3):
        taken: dict[str, list[tuple[float, float]]] = {}
        for _ in range(30):
            phrase = " ".join(language.text(1) for _ in range(count))
            for end in range(1, len(phrase) + 1):
                wall, cpu = time.perf_counter(), time.process_time() + place.cpu_s()
                await search.find(owner, phrase[:end])
                one = time.perf_counter() - wall, time.process_time() + place.cpu_s() - cpu
                last = len(phrase[:end].split(" ")[-1])
                taken.setdefault(f"{min(last, 4)}", []).append(one)
                taken.setdefault("all", []).append(one)
        for letters, found in sorted(taken.items()):
            walls, cpus = zip(*found, strict=True)
            print(
                f"up to {count} words, {letters:>3} letters of the last: {_line(walls)} | CPU {_line(cpus)}"
            )


def _line(seconds: Sequence[float]) -> str:
    times = [1000 * one for one in seconds]
    return f"p50 {median(times):5.1f}  p95 {quantiles(times, n=20)[-1]:5.1f}  max {max(times):5.1f} ms"


if __name__ == "__main__":
    asyncio.run(main())
