"""Settings to opened services: the only place that picks implementations."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from chatapp.engine.context import ContextBuilder
from chatapp.engine.lock import EngineLock
from chatapp.engine.maker import ReplyMaker
from chatapp.engine.worker import Worker
from chatapp.providers.base import Provider
from chatapp.providers.catalog import Catalog
from chatapp.providers.gemini import GeminiProvider
from chatapp.providers.local import LocalProvider
from chatapp.providers.openai import OpenAIProvider
from chatapp.providers.scripted import ScriptedProvider
from chatapp.services.accounts import Accounts
from chatapp.services.admin import Admin
from chatapp.services.conversations import Conversations
from chatapp.services.cookies import LoginCookies
from chatapp.services.erasing import Erasing
from chatapp.services.following import Following
from chatapp.services.models import ModelsService
from chatapp.services.own_data import OwnData
from chatapp.services.passwords import Passwords
from chatapp.services.purging import purge
from chatapp.services.search import Search
from chatapp.services.sign_in import SignIn
from chatapp.services.throttles import Throttles
from chatapp.services.turns import Turns
from chatapp.settings import Settings
from chatapp.storage.database import Database
from chatapp.storage.log_store import DatabaseLogStore
from chatapp.storage.migrate import migrate
from chatapp.streams.broadcast import Broadcast
from chatapp.streams.fair_queue import FairQueue
from chatapp.streams.group_log import GroupLog
from chatapp.telemetry.logs import configure

log = logging.getLogger(__name__)

#: How long a thread may keep the interpreter while another waits for it. The database's threads ask for it
#: at each statement; with Python's 5 ms a send of ten statements took 11 ms instead of 7 beside a busy event
#: loop, and with 250 users who began within 3 s the sends behind it waited for seconds.
SWITCH_SECONDS = 0.0001


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """All use cases, opened. Closed in reverse order."""

    settings: Settings
    turns: Turns
    conversations: Conversations
    following: Following
    search: Search
    models: ModelsService
    accounts: Accounts
    sign_in: SignIn
    admin: Admin
    own_data: OwnData


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncGenerator[Services]:
    """Opens everything that the app needs in one process.

    Raises `Unavailable` when the database cannot be opened.
    """
    configure(level=settings.log_level, as_json=settings.log_format == "json")
    sys.setswitchinterval(SWITCH_SECONDS)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        await migrate(database)
        broadcast = Broadcast()
        group = GroupLog(DatabaseLogStore(database), broadcast)
        await stack.enter_async_context(_running(group.run()))
        catalog = Catalog(
            providers(settings), default=settings.default_model, fallbacks=settings.fallback_models
        )
        stack.push_async_callback(catalog.close)
        await catalog.open()
        worker = _worker(settings, database, broadcast, group, catalog)
        # Last in, first out: the worker hands its runs over while everything they need is still open.
        if settings.worker != "external":
            await stack.enter_async_context(_running(worker.run()))
        passwords = Passwords()
        stack.callback(passwords.close)
        services, erasing = _services(settings, database, broadcast, catalog, worker, passwords)
        await stack.enter_async_context(_running(purge(services.conversations, erasing, services.accounts)))
        yield services


def _services(
    settings: Settings,
    database: Database,
    broadcast: Broadcast,
    catalog: Catalog,
    worker: Worker,
    passwords: Passwords,
) -> tuple[Services, Erasing]:
    accounts = Accounts(database=database, cookies=_cookies(settings))
    sign_in = SignIn(
        database=database,
        accounts=accounts,
        passwords=passwords,
        throttles=Throttles(),
        allow_sign_up=settings.allow_sign_up,
    )
    erasing = Erasing(database=database, accounts=accounts, worker=worker)
    services = Services(
        settings=settings,
        turns=Turns(
            database=database,
            worker=worker,
            broadcast=broadcast,
            catalog=catalog,
            max_message_chars=settings.max_message_chars,
        ),
        conversations=Conversations(database=database, worker=worker, broadcast=broadcast),
        following=Following(database=database, broadcast=broadcast),
        search=Search(database=database),
        models=ModelsService(catalog),
        accounts=accounts,
        sign_in=sign_in,
        admin=Admin(
            database=database, accounts=accounts, passwords=passwords, erasing=erasing, worker=worker
        ),
        own_data=OwnData(database=database, accounts=accounts, sign_in=sign_in, erasing=erasing),
    )
    return services, erasing


def providers(settings: Settings) -> list[Provider]:
    """The providers that the settings ask for, in order of preference.

    The small local model is for whoever has no key, or names it; the scripted one is always there.
    """
    chosen: list[Provider] = []
    if settings.openai_api_key or settings.openai_base_url:
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
    named = (settings.default_model or "", *settings.fallback_models)
    wants_local = not chosen or any(model.startswith("local:") for model in named)
    if wants_local and settings.local_model == "auto":
        chosen.append(
            LocalProvider(
                folder=settings.data_dir / "models", max_connections=settings.max_concurrent_streams
            )
        )
    plays_scripts = settings.default_model == "scripted:script"
    chosen.append(ScriptedProvider(delay=settings.scripted_delay, offer_script=plays_scripts))
    return chosen


def _worker(
    settings: Settings, database: Database, broadcast: Broadcast, group: GroupLog, catalog: Catalog
) -> Worker:
    context = ContextBuilder(
        max_reply_tokens=settings.max_reply_tokens, max_messages=settings.context_messages
    )
    maker = ReplyMaker(
        database=database,
        group=group,
        catalog=catalog,
        context=context,
        idle_timeout=settings.stream_idle_timeout,
    )
    queue = FairQueue(slots=settings.max_concurrent_streams, slots_per_owner=settings.max_streams_per_user)
    lock = EngineLock(settings.data_dir / "engine.lock")
    return Worker(database=database, queue=queue, maker=maker, broadcast=broadcast, lock=lock)


def _cookies(settings: Settings) -> LoginCookies:
    return LoginCookies(
        secret_key=settings.secret_key.get_secret_value(),
        ttl=settings.login_ttl,
        guests=settings.auth_mode == "guest",
    )


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncGenerator[None]:
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
