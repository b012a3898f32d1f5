"""One of two processes that do the same at the same time: python -m tests.storage.racer URL DEED

It says "ready", does its deed when it is told to go, and says what came of it, a JSON value on one line.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from chatapp.engine.dispatch import Dispatch
from chatapp.providers.catalog import Catalog
from chatapp.providers.scripted import ScriptedProvider
from chatapp.services.operating import Operating
from chatapp.services.passwords import Passwords
from chatapp.services.turns import Turns
from chatapp.storage import postgres
from chatapp.storage.database import Database, Transaction
from chatapp.streams.memory import MemoryBroadcast
from tests.storage.made import make_conversation, principal

SENDS = 25
MEMBERS = 3


async def send(database: Database) -> list[str]:
    """The runs of so many sends with keys that the other process uses too."""
    broadcast = MemoryBroadcast()
    turns = Turns(
        database=database,
        dispatch=Dispatch(broadcast),
        broadcast=broadcast,
        catalog=Catalog([ScriptedProvider(delay=timedelta())]),
        max_message_chars=1000,
    )
    sent = (
        turns.send(
            principal("ann"),
            conversation_id="c",
            text=f"message {number}",
            client_key=f"the-key-of-message-{number:04}",
            model="scripted:support",
        )
        for number in range(SENDS)
    )
    return [turn.run_id for turn in await asyncio.gather(*sent)]


async def register(database: Database) -> list[str]:
    """The roles of so many new members."""
    operating = Operating(database=database, passwords=Passwords())
    made = (
        operating.create(email=f"{sys.argv[3]}{number}@example.org", password="correct horse battery")
        for number in range(MEMBERS)
    )
    return [account.role.value for account in await asyncio.gather(*made)]


async def sleep(database: Database) -> str:
    """Begins to write for somebody, and takes a while."""

    def work(transaction: Transaction) -> str:
        made = make_conversation(transaction, principal("ann"))
        print(json.dumps("in the middle"), flush=True)
        time.sleep(0.7)  # the other process stops this one meanwhile
        return made.id

    return await database.write(work, of=principal("ann").account_id)


DEEDS: dict[str, Any] = {"send": send, "register": register, "sleep": sleep}


class Racer:
    """The process, seen from a test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ready(self) -> None:
        assert await self.says() == "ready"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")

    async def says(self) -> Any:
        """The next thing that it says."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            return json.loads(await self.process.stdout.readline())


@asynccontextmanager
async def racer(url: str, *deed: str) -> AsyncGenerator[Racer]:
    """A process that begins."""
    command = [sys.executable, "-m", "tests.storage.racer", url, *deed]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        yield Racer(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def main() -> None:
    """Waits to be told; the first connection is there by then."""
    database = Database(sys.argv[1])
    await database.read(lambda _: None)
    print(json.dumps("ready"), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps(await DEEDS[sys.argv[2]](database)), flush=True)
    await database.close()


if __name__ == "__main__":
    # A test need not wait as long as people may have to.
    postgres.IDLE_TIMEOUT_MS = 1_000
    asyncio.run(main())
