"""Each fault on a bed of real processes, at random moments; `python -m tests.chaos` tries them at length.

Every message is stored once and has one whole reply, shown to its readers as it is stored, in time.
"""

import asyncio
import random
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.chaos.bed import EMBEDDED, SCALED, Bed
from tests.chaos.faults import FAULTS
from tests.chaos.people import Person, Reply, client
from tests.chaos.trial import tried
from tests.needs import require
from tests.upstream import Record, text
from tests.waiting import until

pytestmark = [
    pytest.mark.needs("linux"),
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Bed]:
    """The app in one process."""
    async with Bed(tmp_path_factory.mktemp("alone"), EMBEDDED) as bed:
        yield bed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Bed]:
    """The app in two web processes and two workers."""
    require("redis", "postgres", "caddy")
    async with Bed(tmp_path_factory.mktemp("many"), SCALED) as bed:
        yield bed


# One: `engine/` and `test_app_kill.py` try this app as well.
async def test_one_process_loses_and_doubles_nothing(alone: Bed, chance: random.Random) -> None:
    await tried(alone, FAULTS["maker-kill"], chance)


@pytest.mark.parametrize(
    "fault",
    [
        "maker-kill",
        "maker-term",
        "freeze",
        "web-kill",
        "redis-kill",
        "redis-freeze",
        "postgres-kill",
        "postgres-lock",
        "line-silence",
        "all-kill",
    ],
)
async def test_many_processes_lose_and_double_nothing(many: Bed, fault: str, chance: random.Random) -> None:
    await tried(many, FAULTS[fault], chance)


async def test_a_reply_that_always_kills_its_worker_is_given_up(many: Bed) -> None:
    """Three deliveries, then it is a failure that everybody can see; others are served as ever."""
    async with client(many.verify) as http:
        person = await Person(many.doors, client=http).arrived()
        poison = Reply(said="Go [t:60000 id:poison]", conversation_id="poison")
        reading = asyncio.create_task(person.reads(poison))
        for delivery in range(1, 4):
            await until(lambda count=delivery: poison.run_id and len(asked(many)) == count, seconds=20)
            [[name]] = many.ask(f"SELECT worker FROM runs WHERE id = '{poison.run_id}'")
            [victim] = [worker for worker in many.workers if name.startswith(worker.name)]
            await asyncio.to_thread(victim.kill)
            await asyncio.to_thread(victim.start)
        async with asyncio.timeout(20):
            await reading
        assert (poison.status, poison.text, len(asked(many))) == ("interrupted", "", 3)
        after = Reply(said="Go [n:20]", conversation_id="after")
        async with asyncio.timeout(20):
            await person.reads(after)
        assert after.text == text(20)


def asked(bed: Bed) -> list[Record]:
    return [record for record in bed.upstream.requests if record.knobs.id == "poison"]
