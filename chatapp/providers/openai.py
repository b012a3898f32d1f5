"""Any server that speaks OpenAI's chat completions.

The `openai` SDK makes the request, its retries and its errors. The bytes of the answer are read raw and
parsed by
`sse.py` and `completions.py`: the SDK's object for each chunk would be most of what a reply costs.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
import httpx2
from openai import APIError, APIStatusError, AsyncOpenAI, AsyncStream, DefaultAioHttpClient, OpenAIError
from typing_extensions import override

from chatapp.domain.errors import ProviderError, ProviderRefused
from chatapp.providers.asked import LIST_TIMEOUT, MAX_TRIES, SPARE_CONNECTIONS, AskedProvider, pause
from chatapp.providers.base import Model, ModelRequest, StepEvent
from chatapp.providers.completions import CompletionReader
from chatapp.providers.connection_errors import connection_error
from chatapp.providers.dialect import Dialect
from chatapp.providers.listing import listed_models
from chatapp.providers.refusals import Refusal, details
from chatapp.providers.reply_stream import ReplyStream

OFFICIAL_URL: Final = "https://api.openai.com/v1"
#: Longer than the pause between two messages of a person, shorter than what servers keep open.
KEEP_ALIVE: Final = timedelta(seconds=30)
#: What goes wrong below the SDK while a body is read, and what a key or an address that is none makes it
#: raise.
FAILURES: Final = (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, aiohttp.ClientError, OSError, ValueError)


@dataclass(kw_only=True, slots=True)
class _Tries:
    left: int = MAX_TRIES


class OpenAIProvider(AskedProvider):
    """See `Provider`.

    `models` are the names on offer; none means that the server is asked. `max_connections` is the number of
    replies at once: a smaller pool makes people wait for each other. `first_byte_timeout` bounds every
    silence of the connection, so it must not be below the caller's idle timeout between events. `server` is
    what messages call the server, its host by default. `extra_body` is added to each request that does not
    say otherwise. `use_proxies` heeds `HTTP_PROXY` and its kin. `prefills`: the server is known to go on with
    an unfinished reply, so it need not be asked to in words.
    """

    failures = FAILURES

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        models: Sequence[str] = (),
        max_connections: int = 100,
        connect_timeout: timedelta = timedelta(seconds=10),
        first_byte_timeout: timedelta = timedelta(seconds=60),
        name: str = "openai",
        server: str = "",
        extra_body: Mapping[str, object] | None = None,
        use_proxies: bool = True,
        prefills: bool = False,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url or OFFICIAL_URL
        self._official = (urlsplit(self._base_url).hostname or "").endswith("openai.com")
        called = "OpenAI" if self._official else _host(self._base_url)
        super().__init__(name=name, server=server or called, models=models)
        self._max_connections = max_connections
        self._timeout = httpx2.Timeout(
            first_byte_timeout.total_seconds(), connect=connect_timeout.total_seconds()
        )
        self._extra_body = dict(extra_body or {})
        self._use_proxies = use_proxies
        self._first_dialect = Dialect(
            length_field="max_completion_tokens" if self._official else "max_tokens",
            asks_to_continue=not prefills,
        )
        self._clients: tuple[AsyncOpenAI, ...] = ()
        self._dialects: dict[str, Dialect] = {}

    async def open(self) -> None:
        """Makes the client, off the event loop (it loads certificates), and asks for the models."""
        self._clients = await asyncio.to_thread(self._make_clients)
        self._list.refresh()

    async def close(self) -> None:
        """Closes all connections, open replies' too."""
        await self._list.close()
        if self._clients:
            await self._clients[0].close()
        self._clients = ()

    def _make_clients(self) -> tuple[AsyncOpenAI, ...]:
        """Clients with 0, 1 and 2 retries over one pool: a request cannot say how many it has left."""
        limits = httpx2.Limits(
            max_connections=self._max_connections + SPARE_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE.total_seconds(),
        )
        pool = DefaultAioHttpClient(
            limits=limits,
            timeout=self._timeout,
            trust_env=self._use_proxies,
            # The conversation goes to the address in the settings, and not where that one sends it.
            follow_redirects=False,
        )
        client = AsyncOpenAI(
            # A server without a key is fine with any; the SDK is not fine without one.
            api_key=self._api_key or "none",
            base_url=self._base_url,
            timeout=self._timeout,
            max_retries=0,
            http_client=pool,
        )
        return (client, *(client.with_options(max_retries=tries) for tries in range(1, MAX_TRIES)))

    @override
    async def _begin(self, request: ModelRequest) -> tuple[ReplyStream, Sequence[StepEvent]]:
        tries = _Tries()
        while True:
            reply = await self._connect(request, tries)
            try:
                return reply, await self._next(reply, request.model)
            except ProviderError as error:
                await reply.aclose()
                if not error.retryable or not tries.left:
                    raise
            except BaseException:
                await reply.aclose()
                raise
            await asyncio.sleep(pause(MAX_TRIES - tries.left))

    async def _connect(self, request: ModelRequest, tries: _Tries) -> ReplyStream:
        """A response that streams. What the SDK gives up is final, unless a dialect can be learnt from it."""
        while True:
            dialect = self._dialects.get(request.model, self._first_dialect)
            try:
                return await self._create(dialect.body(request), tries)
            except APIError as error:
                tries.left -= _retries(error.request) + 1
                learnt = _learn(dialect, error)
                if learnt is None or tries.left < 1:
                    raise self._error(error, request.model) from error
                self._dialects[request.model] = learnt
            except FAILURES as error:
                raise self._error(error, request.model) from error

    async def _create(self, body: dict[str, Any], tries: _Tries) -> ReplyStream:
        # What `chat.completions.create` ends in. It would walk through the arguments and its own type hints
        # before, and wrap the answer for reading it event by event: a fifth of what a request costs.
        raw = cast(
            "httpx2.Response",
            await self._clients[tries.left - 1].post(
                "/chat/completions",
                body={**body, **self._extra_body},
                # Compressed, a stream would come in blocks.
                options={"headers": {"Accept-Encoding": "identity"}},
                cast_to=httpx2.Response,
                stream=True,
                stream_cls=AsyncStream[object],
            ),
        )
        tries.left -= _retries(raw.request) + 1
        reads = raw.aiter_bytes() if "content-encoding" in raw.headers else raw.aiter_raw()
        return ReplyStream(reads=reads, close=raw.aclose, reader=CompletionReader())

    @override
    async def _fetch_models(self) -> Sequence[Model]:
        try:
            async with asyncio.timeout(LIST_TIMEOUT.total_seconds()):
                response = await self._clients[0].get("/models", cast_to=httpx2.Response)
        except (*FAILURES, TimeoutError) as error:
            raise self._error(error, "") from error
        return listed_models(response.content, provider=self.name, official=self._official)

    @override
    def _error(self, error: Exception, model: str) -> ProviderError:
        if isinstance(error, APIStatusError):
            code, message = details(error.body if error.body is not None else error.message)
            return Refusal(
                status=error.status_code, code=code, message=message, server=self._server, model=model
            ).error()
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            return ProviderRefused(
                "The request could not be made. Please check OPENAI_API_KEY and OPENAI_BASE_URL.",
                advice="",
            )
        return connection_error(error, server=self._server, address_setting="OPENAI_BASE_URL")


def _learn(dialect: Dialect, error: APIError) -> Dialect | None:
    if not isinstance(error, APIStatusError):
        return None
    return dialect.learn(error.status_code, str(error.body or error.message))


def _retries(request: httpx2.Request) -> int:
    """How often the SDK had retried when it sent this request."""
    return int(request.headers.get("x-stainless-retry-count", 0))


def _host(base_url: str) -> str:
    """Host and port: neither the user and password that an address may carry, nor its path."""
    parts = urlsplit(base_url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
