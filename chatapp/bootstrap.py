"""Settings to opened services: with `opening`, the only place that picks implementations."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from chatapp.engine.dispatch import Dispatch
from chatapp.opening import Engine, open_engine, running
from chatapp.providers.catalog import Catalog
from chatapp.services.accounts import Accounts
from chatapp.services.admin import Admin
from chatapp.services.agents import Agents
from chatapp.services.api_keys import ApiKeys
from chatapp.services.bearers import Bearers
from chatapp.services.conversations import Conversations
from chatapp.services.cookies import LoginCookies
from chatapp.services.erasing import Erasing
from chatapp.services.feedback import FeedbackService
from chatapp.services.following import Following
from chatapp.services.health import Health
from chatapp.services.models import ModelsService
from chatapp.services.own_data import OwnData
from chatapp.services.passwords import Passwords
from chatapp.services.purging import purge
from chatapp.services.runs import Runs
from chatapp.services.search import Search
from chatapp.services.sign_in import SignIn
from chatapp.services.stopping import told_to_end
from chatapp.services.throttles import Throttles
from chatapp.services.tokens import Tokens
from chatapp.services.turns import Turns
from chatapp.services.usage import UsageService
from chatapp.settings import Settings
from chatapp.storage.database import Database
from chatapp.streams.base import Broadcast
from chatapp.streams.connecting import connect
from chatapp.streams.limits import Limits
from chatapp.streams.memory_limits import MemoryLimits
from chatapp.streams.redis_limits import RedisLimits
from chatapp.telemetry.metrics import Metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """All use cases, opened. Closed in reverse order."""

    settings: Settings
    turns: Turns
    runs: Runs
    conversations: Conversations
    following: Following
    search: Search
    models: ModelsService
    agents: Agents
    feedback: FeedbackService
    usage: UsageService
    accounts: Accounts
    sign_in: SignIn
    admin: Admin
    own_data: OwnData
    tokens: Tokens
    api_keys: ApiKeys
    bearers: Bearers
    limits: Limits
    health: Health


@asynccontextmanager
async def open_services(settings: Settings, metrics: Metrics | None = None) -> AsyncGenerator[Services]:
    """Opens everything that the app needs in one process, which is measured in `metrics`.

    Raises `Unavailable` when the database cannot be opened.
    """
    metrics = metrics or Metrics()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(settings, metrics))
        passwords = Passwords()
        stack.callback(passwords.close)
        accounts = Accounts(database=engine.database, cookies=_cookies(settings))
        limits = _opened_limits(stack, settings)
        parts = _Parts(
            settings=settings, engine=engine, passwords=passwords, accounts=accounts, limits=limits
        )
        services, erasing = _services(parts)
        await stack.enter_async_context(running(purge(services.conversations, erasing, services.accounts)))
        stack.enter_context(told_to_end(services.runs.close, services.runs.left))
        yield services


def _opened_limits(stack: AsyncExitStack, settings: Settings) -> Limits:
    """With a Redis, one count for all processes of this installation."""
    if not settings.redis:
        return MemoryLimits()
    client = connect(settings.redis)
    stack.push_async_callback(client.aclose)
    return RedisLimits(client, name=settings.database_name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """What the services are made of."""

    settings: Settings
    engine: Engine
    passwords: Passwords
    accounts: Accounts
    limits: Limits

    @property
    def dispatch(self) -> Dispatch:
        """Tells the workers."""
        return Dispatch(self.broadcast)

    @property
    def database(self) -> Database:
        """Where everything is."""
        return self.engine.database

    @property
    def broadcast(self) -> Broadcast:
        """Carries notices."""
        return self.engine.broadcast

    @property
    def catalog(self) -> Catalog:
        """The models."""
        return self.engine.catalog


def _services(parts: _Parts) -> tuple[Services, Erasing]:
    settings, database, accounts = parts.settings, parts.database, parts.accounts
    sign_in = SignIn(
        database=database,
        accounts=accounts,
        passwords=parts.passwords,
        throttles=Throttles(parts.limits),
        allow_sign_up=settings.allow_sign_up,
    )
    erasing = Erasing(database=database, accounts=accounts, dispatch=parts.dispatch)
    tokens, api_keys = _bearers(parts)
    services = Services(
        settings=settings,
        turns=_turns(parts),
        runs=_runs(parts),
        conversations=_conversations(parts),
        following=Following(database=database, broadcast=parts.broadcast),
        search=Search(database=database),
        models=ModelsService(parts.catalog),
        agents=Agents(),
        feedback=FeedbackService(database=database, broadcast=parts.broadcast),
        usage=UsageService(database=database),
        accounts=accounts,
        sign_in=sign_in,
        admin=Admin(
            database=database,
            accounts=accounts,
            passwords=parts.passwords,
            erasing=erasing,
            dispatch=parts.dispatch,
        ),
        own_data=OwnData(database=database, accounts=accounts, sign_in=sign_in, erasing=erasing),
        tokens=tokens,
        api_keys=api_keys,
        bearers=Bearers(tokens=tokens, api_keys=api_keys),
        limits=parts.limits,
        health=parts.engine.health(),
    )
    return services, erasing


def _conversations(parts: _Parts) -> Conversations:
    return Conversations(
        database=parts.database,
        dispatch=parts.dispatch,
        broadcast=parts.broadcast,
        catalog=parts.catalog,
    )


def _bearers(parts: _Parts) -> tuple[Tokens, ApiKeys]:
    settings = parts.settings
    tokens = Tokens(
        database=parts.database,
        accounts=parts.accounts,
        secret_key=settings.secret_key.get_secret_value(),
        ttl=settings.token_ttl,
        guests=settings.auth_mode == "guest",
    )
    return tokens, ApiKeys(database=parts.database, accounts=parts.accounts)


def _turns(parts: _Parts) -> Turns:
    return Turns(
        database=parts.database,
        dispatch=parts.dispatch,
        broadcast=parts.broadcast,
        catalog=parts.catalog,
        max_message_chars=parts.settings.max_message_chars,
    )


def _runs(parts: _Parts) -> Runs:
    return Runs(
        database=parts.database,
        broadcast=parts.broadcast,
        dispatch=parts.dispatch,
        accounts=parts.accounts,
        idle_after=parts.settings.sse_keepalive_interval,
    )


def _cookies(settings: Settings) -> LoginCookies:
    return LoginCookies(
        secret_key=settings.secret_key.get_secret_value(),
        ttl=settings.login_ttl,
        guests=settings.auth_mode == "guest",
    )
