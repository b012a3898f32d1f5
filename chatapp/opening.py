"""What every process opens: the database, notices, models, and the worker where one runs in it.

With `bootstrap` the only place that picks implementations.
"""

import asyncio
import gc
import logging
import os
import platform
import secrets
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from chatapp.engine.context import ContextBuilder
from chatapp.engine.leases import DatabaseLeases, Leases
from chatapp.engine.lock import EngineLock
from chatapp.engine.maker import ReplyMaker
from chatapp.engine.roster import LeaseRoster, LockRoster, Roster
from chatapp.engine.worker import Worker
from chatapp.providers.base import Provider
from chatapp.providers.catalog import Catalog
from chatapp.providers.scripted import ScriptedProvider
from chatapp.services.health import Health
from chatapp.settings import Settings
from chatapp.storage.database import Database
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.storage.migrate import migrate
from chatapp.streams.base import Broadcast
from chatapp.streams.connecting import channel_of, connect
from chatapp.streams.fair_queue import FairQueue
from chatapp.streams.group_log import GroupLog
from chatapp.streams.memory import MemoryBroadcast
from chatapp.streams.redis import RedisBroadcast
from chatapp.streams.unheard import Unheard
from chatapp.telemetry.logs import configure
from chatapp.telemetry.loop_lag import watch_loop
from chatapp.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

#: How long a thread may keep the interpreter while another waits for it. The database's threads ask for it
#: at each statement; with Python's 5 ms a send of ten statements took 11 ms instead of 7 beside a busy event
#: loop, and with 250 users who began within 3 s the sends behind it waited for seconds.
SWITCH_SECONDS = 0.0001
#: Objects until the youngest are collected, and how often the older ones are. Python's own 700 make a busy
#: server collect a hundred times a second.
COLLECT_AFTER: Final = (20_000, 20, 50)


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """Opened; closed in reverse order. `worker` is None where others make the replies."""

    database: Database
    broadcast: Broadcast
    catalog: Catalog
    roster: Roster
    worker: Worker | None

    def health(self) -> Health:
        """How all of it is."""
        return Health(database=self.database, roster=self.roster, worker=self.worker, catalog=self.catalog)


@asynccontextmanager
async def open_engine(
    settings: Settings, metrics: Metrics, *, dedicated: bool = False, name: str = ""
) -> AsyncGenerator[Engine]:
    """Opens it. `dedicated` is for a process that only makes replies, as the worker `name`.

    Raises `Unavailable` when the database cannot be opened.
    """
    configure(level=settings.log_level, as_json=settings.log_format == "json")
    sys.setswitchinterval(SWITCH_SECONDS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(watch_loop(metrics)))
        database = Database(settings.database_url, metrics)
        stack.push_async_callback(database.close)
        await migrate(database)
        process = f"{name or platform.node()}-{secrets.token_hex(3)}"
        broadcast = await _opened_broadcast(stack, settings, metrics, database, process)
        group = GroupLog(DatabaseLogStore(database), broadcast, metrics=metrics)
        await stack.enter_async_context(running(group.run()))
        catalog = Catalog(
            providers(settings), default=settings.default_model, fallbacks=settings.fallback_models
        )
        stack.push_async_callback(catalog.close)
        await catalog.open()
        queue = FairQueue(
            slots=settings.max_concurrent_streams, slots_per_owner=settings.max_streams_per_user
        )
        leases, roster = _leases(settings, database, queue, dedicated=dedicated, process=process)
        worker = None
        if dedicated or settings.worker != "external":
            maker = _maker(settings, database, group, catalog, metrics)
            worker = _worker(settings, queue, maker, broadcast, leases, database)
            metrics.watch_queue(waiting=lambda: queue.waiting, active=lambda: queue.active)
            # Last in, first out: it hands its runs over while everything they need is still open.
            await stack.enter_async_context(running(worker.run()))
        yield Engine(database=database, broadcast=broadcast, catalog=catalog, roster=roster, worker=worker)


async def _opened_broadcast(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics, database: Database, process: str
) -> Broadcast:
    """With a Redis, one for all processes of this installation."""
    roster = LeaseRoster(database, ttl=settings.lease_ttl)
    if not settings.redis:
        here = MemoryBroadcast()
        if is_shared(settings):
            others = Unheard(here, name=process, metrics=metrics)
            await stack.enter_async_context(running(roster.call(others.expect)))
        return here
    client = connect(settings.redis)
    stack.push_async_callback(client.aclose)
    channel = channel_of(client, settings.database_name)
    broadcast = RedisBroadcast(client, channel=channel, name=process, metrics=metrics)
    await stack.enter_async_context(running(broadcast.run()))
    await stack.enter_async_context(running(roster.call(broadcast.expect)))
    return broadcast


def is_shared(settings: Settings) -> bool:
    """Whether other processes, on other hosts too, may make replies beside this one."""
    return bool(settings.redis) or not settings.database_url.startswith("sqlite:")


def spare_collections() -> None:
    """What is there now stays: modules, the page's components, the services. A full collection that walks it
    all stops every stream for a good part of a second, and comes the more often the more people send."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _leases(
    settings: Settings, database: Database, queue: FairQueue, *, dedicated: bool, process: str
) -> tuple[Leases, Roster]:
    if not is_shared(settings):
        lock = EngineLock(settings.data_dir / "engine.lock")
        return lock, LockRoster(lock)
    leases = DatabaseLeases(
        database=database,
        name=process,
        ttl=settings.lease_ttl,
        slots=settings.max_concurrent_streams,
        active=lambda: queue.active,
        dedicated=dedicated,
        stands_in=settings.worker == "auto" and not dedicated,
    )
    return leases, LeaseRoster(database, ttl=settings.lease_ttl)


def _worker(
    settings: Settings,
    queue: FairQueue,
    maker: ReplyMaker,
    broadcast: Broadcast,
    leases: Leases,
    database: Database,
) -> Worker:
    return Worker(
        database=database,
        queue=queue,
        maker=maker,
        broadcast=broadcast,
        leases=leases,
        slots=settings.max_concurrent_streams,
    )


def _maker(
    settings: Settings, database: Database, group: GroupLog, catalog: Catalog, metrics: Metrics
) -> ReplyMaker:
    context = ContextBuilder(
        max_reply_tokens=settings.max_reply_tokens, max_messages=settings.context_messages
    )
    return ReplyMaker(
        database=database,
        group=group,
        catalog=catalog,
        context=context,
        idle_timeout=settings.stream_idle_timeout,
        metrics=metrics,
        most_of_owner=settings.max_streams_per_user if is_shared(settings) else None,
    )


def providers(settings: Settings) -> list[Provider]:
    """The providers that the settings ask for, in order of preference.

    The small local model is for whoever has no key, or names it; the scripted one is always there.
    """
    chosen: list[Provider] = []
    if settings.openai_api_key or settings.openai_base_url:
        # Here and not above: a vendor's library takes a good part of a worker's memory.
        from chatapp.providers.openai import OpenAIProvider

        chosen.append(
            OpenAIProvider(
                api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none",
                base_url=settings.openai_base_url,
                models=settings.openai_models,
                max_connections=settings.max_concurrent_streams,
                first_byte_timeout=settings.stream_idle_timeout,
            )
        )
    if settings.gemini_api_key or settings.gemini_base_url:
        from chatapp.providers.gemini import GeminiProvider

        chosen.append(
            GeminiProvider(
                api_key=settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else "none",
                base_url=settings.gemini_base_url,
                api_version=settings.gemini_api_version,
                models=settings.gemini_models,
                max_connections=settings.max_concurrent_streams,
                first_byte_timeout=settings.stream_idle_timeout,
            )
        )
    if settings.local_model == "auto" and _wants_local(settings, chosen):
        from chatapp.providers.local import LocalProvider

        folder, most = settings.data_dir / "models", settings.max_concurrent_streams
        chosen.append(LocalProvider(folder=folder, max_connections=most))
    plays_scripts = settings.default_model == "scripted:script"
    chosen.append(ScriptedProvider(delay=settings.scripted_delay, offer_script=plays_scripts))
    return chosen


def _wants_local(settings: Settings, chosen: Sequence[Provider]) -> bool:
    named = (settings.default_model or "", *settings.fallback_models)
    return not chosen or any(model.startswith("local:") for model in named)


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    """Runs a coroutine beside the block and cancels it at its end. One that dies takes the process with it:
    without ticker or worker every message would wait for ever, and a supervisor starts a process anew."""
    task = asyncio.create_task(work)
    task.add_done_callback(_exit_if_failed)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _exit_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("a part of the engine died", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
