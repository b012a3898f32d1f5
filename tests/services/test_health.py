"""What health says when a real part is broken, and that it says so soon, and that all is well again after."""

import asyncio
import fcntl
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic

import pytest

from chatapp.bootstrap import open_services
from chatapp.domain.health import Report
from chatapp.services import health as health_module
from chatapp.settings import Settings
from tests.chat import Chat, Opening, locked
from tests.databases import is_file, sqlite_only
from tests.upstream import Upstream
from tests.waiting import eventually

#: What probes are promised.
SOON_S = 5.0


async def checked(chat: Chat) -> Report:
    began = monotonic()
    report = await chat.services.health.report()
    assert monotonic() - began < SOON_S
    return report


async def becomes(chat: Chat, check: str, value: bool | str, *, seconds: float = 20) -> Report:
    found: list[Report] = []

    async def is_so() -> bool:
        found[:] = [await checked(chat)]
        return found[0].checks[check] == value

    try:
        await eventually(is_so, seconds=seconds)
    except TimeoutError:
        raise AssertionError(found) from None
    return found[0]


async def test_all_is_well(chat: Chat) -> None:
    await becomes(chat, "worker", True)
    report = await becomes(chat, "providers", True)
    assert report.checks == dict.fromkeys(("database", "queue", "worker", "providers"), True)
    assert report.good
    if is_file(chat.services.settings.database_url):
        assert report.details == {"worker": "this process"}


async def test_a_locked_file_shows_and_passes(chat: Chat) -> None:
    """Probes meanwhile do not pile up behind one another."""
    with locked(chat.services.settings):
        reports = await asyncio.gather(*(checked(chat) for _ in range(20)))
        assert {report.checks["database"] for report in reports} == {"a write waits for too long"}
        assert not reports[0].good
        await becomes(chat, "database", "a write waits for too long")
    await becomes(chat, "database", True)


async def test_probes_share_an_answer(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask, as often as they like; the disk is written once a second at most."""
    writes = 0

    def counted(transaction: object) -> None:
        nonlocal writes
        writes += 1

    monkeypatch.setattr(health_module, "touch", counted)
    began = monotonic()
    for _ in range(500):
        await chat.services.health.report()
    assert 1 <= writes <= 2 + (monotonic() - began) / health_module.FRESH_FOR.total_seconds()


@sqlite_only  # the lock file's words
async def test_nobody_makes_replies(
    settings_with: Callable[..., Settings], upstream: Upstream, opening: Opening
) -> None:
    """This process leaves it to others, and there are none; until one comes."""
    settings = settings_with(OPENAI_BASE_URL=upstream.base_url, LOCAL_MODEL="off")
    async with open_services(settings.model_copy(update={"worker": "external"})) as services:
        chat = Chat(services, upstream)
        report = await becomes(chat, "worker", "no process makes the replies")
        assert (report.good, report.checks["queue"]) == (False, True)
        async with other_process(settings):
            report = await becomes(chat, "worker", True)
            assert report.details == {"worker": "another process"}
        await becomes(chat, "worker", "no process makes the replies")


@sqlite_only
async def test_looking_who_makes_replies_keeps_nobody_from_it(chat: Chat, opening: Opening) -> None:
    """Two processes at a reload: probes of the one that waits do not hold the lock."""
    settings = chat.services.settings
    async with open_services(settings) as services:
        second = Chat(services, chat.upstream)
        assert (await becomes(second, "worker", True)).details == {"worker": "another process"}
        assert (await becomes(chat, "worker", True)).details == {"worker": "this process"}


@sqlite_only
async def test_a_worker_that_does_not_look_for_runs_is_stuck(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it asks the database is not answered: the thread for reads is held up."""
    monkeypatch.setattr(health_module, "LONGEST_SCAN", timedelta(seconds=1))
    await becomes(chat, "queue", True)
    goes_on = threading.Event()
    database = chat.services.health._database
    held_up = asyncio.create_task(database.read(lambda _: goes_on.wait(60)))
    try:
        await eventually(lambda: stuck(chat), seconds=20)
    finally:
        goes_on.set()
        await held_up
    await becomes(chat, "queue", True)


async def stuck(chat: Chat) -> bool:
    report = await checked(chat)
    return str(report.checks["queue"]).startswith("nobody has looked") and not report.good


async def test_a_dead_upstream(opening: Opening, upstream: Upstream) -> None:
    """From the start: its list of models cannot be had. What stands in for newcomers does not hide it."""
    async with opening(OPENAI_BASE_URL="http://127.0.0.1:9/v1") as chat:
        report = await becomes(chat, "providers", "none can be used: openai")
        assert not report.good
    async with opening(OPENAI_BASE_URL="http://127.0.0.1:9/v1", FALLBACK_MODELS="scripted:support") as chat:
        await becomes(chat, "providers", True)


async def test_an_upstream_that_dies(chat: Chat) -> None:
    """It is noticed with the third reply in a row that fails, and forgotten with the first that does not."""
    await becomes(chat, "providers", True)
    for _ in range(3):
        assert (await checked(chat)).checks["providers"] is True
        await chat.ended(await chat.send("[n:5 fault:clean]", to="c"), seconds=30)
    await becomes(chat, "providers", "none can be used: openai")
    await chat.ended(await chat.send("[n:5]", to="c"))
    await becomes(chat, "providers", True)
    # What it refuses is about the request.
    for _ in range(3):
        await chat.ended(await chat.send("[n:5 fault:400]", to="c"))
    await becomes(chat, "providers", True)


async def test_no_vendor_is_asked_for_a_probe(chat: Chat, upstream: Upstream) -> None:
    await becomes(chat, "providers", True)
    before = len(upstream.requests), upstream.model_lists
    assert before[1] >= 1
    for _ in range(3):
        await asyncio.sleep(health_module.FRESH_FOR.total_seconds())  # those that share an answer ask nobody
        await checked(chat)
    assert (len(upstream.requests), upstream.model_lists) == before


@asynccontextmanager
async def other_process(settings: Settings) -> AsyncGenerator[None]:
    """One that holds the engine's lock, as a worker would."""
    program = (
        "import fcntl, sys\n"
        "lock = open(sys.argv[1], 'a')\n"
        f"fcntl.flock(lock, {fcntl.LOCK_EX})\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(settings.data_dir / "engine.lock")]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"held\n"
        yield
    finally:
        await process.communicate(b"")
