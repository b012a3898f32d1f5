"""Google's Gemini.

The `google-genai` SDK makes the requests and reads refusals and lists. The bytes of a streamed answer are
taken from the HTTP client that it is given (`gemini_http.py`) and parsed by `sse.py` and `gemini_answers.py`:
the SDK's objects for each chunk would be nearly all that a reply costs, and it holds lines of any length.

It takes a second and 40 MB to load: that is done when this provider is opened, in a thread, behind the start.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp

# OpenAI's SDK looks into it while a thread loads Google's: here, so that it is whole.
import httpx  # noqa: F401  # pyright: ignore[reportUnusedImport]
from typing_extensions import override

from chatapp.domain.errors import ProviderError, ProviderRefused, ProviderTimeout
from chatapp.providers.asked import LIST_TIMEOUT, MAX_TRIES, SPARE_CONNECTIONS, AskedProvider, pause
from chatapp.providers.base import Model, ModelRequest, StepEvent
from chatapp.providers.connection_errors import connection_error
from chatapp.providers.gemini_answers import GeminiReader
from chatapp.providers.gemini_dialect import GeminiDialect
from chatapp.providers.gemini_http import Opened, http_client, reads
from chatapp.providers.gemini_models import chat_models
from chatapp.providers.gemini_refusals import GeminiRefusal
from chatapp.providers.reply_stream import ReplyStream

if TYPE_CHECKING:
    from google.genai.client import Client
    from google.genai.errors import APIError

OFFICIAL_URL: Final = "https://generativelanguage.googleapis.com"
#: An address that names the version, as other libraries want it.
VERSIONED: Final = re.compile(r"(.*)/(v\d\w*)/?")
#: A server that asks for more patience than this is as good as none; people have long gone.
MAX_RETRY_AFTER: Final = timedelta(minutes=2)
LIST_PAGE: Final = 1000
_FAILURES: Final = (aiohttp.ClientError, OSError, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sdk:
    client: "Client"
    refusal: "type[APIError]"


class GeminiProvider(AskedProvider):
    """See `Provider`.

    `models` are the names on offer; none means that the server is asked. `api_version` is the SDK's own
    choice unless it, or the address, says one. `max_connections` is the number of replies at once: a smaller
    pool makes people wait for each other. `first_byte_timeout` bounds every silence of the connection.
    """

    failures = _FAILURES

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        api_version: str | None = None,
        models: Sequence[str] = (),
        max_connections: int = 100,
        connect_timeout: timedelta = timedelta(seconds=10),
        first_byte_timeout: timedelta = timedelta(seconds=60),
    ) -> None:
        super().__init__(name="gemini", server="Gemini", models=models)
        self._api_key = api_key.strip()
        versioned = VERSIONED.fullmatch(base_url or OFFICIAL_URL)
        self._base_url = versioned[1] if versioned else base_url or OFFICIAL_URL
        self._api_version = api_version or (versioned[2] if versioned else None)
        self._max_connections = max_connections
        self._connect_timeout = connect_timeout
        self._silence = first_byte_timeout
        self._dialects: dict[str, GeminiDialect] = {}
        self._http: aiohttp.ClientSession | None = None
        self._loading: asyncio.Task[_Sdk] | None = None

    async def open(self) -> None:
        """Loads the SDK and asks for the models, in the background."""
        self._http = http_client(
            connect_timeout=self._connect_timeout, max_connections=self._max_connections + SPARE_CONNECTIONS
        )
        self._loading = asyncio.create_task(asyncio.to_thread(self._load, self._http), name="gemini")
        self._list.refresh()

    async def close(self) -> None:
        """Closes all connections, open replies' too."""
        await self._list.close()
        if self._loading is not None:
            with suppress(*_FAILURES):
                await (await self._loading).client.aio.aclose()
        if self._http is not None:
            await self._http.close()

    def _load(self, http: aiohttp.ClientSession) -> _Sdk:
        from google.genai import Client, types
        from google.genai.errors import APIError

        options = types.HttpOptions(
            base_url=self._base_url,
            api_version=self._api_version,
            aiohttp_client=http,
            # Tries are counted here, and heed what the server asks for, which the SDK does not.
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        # Said, for the SDK would go by environment variables that are none of this app's settings.
        client = Client(vertexai=False, api_key=self._api_key or "none", http_options=options)
        _ = client.aio.models
        return _Sdk(client=client, refusal=APIError)

    async def _sdk(self) -> _Sdk:
        assert self._loading is not None, "it is opened first"
        return await asyncio.shield(self._loading)

    @override
    async def _begin(self, request: ModelRequest) -> tuple[ReplyStream, Sequence[StepEvent]]:
        sdk = await self._sdk()
        tries = 0
        while True:
            tries += 1
            dialect = await self._dialect(request.model)
            try:
                return await self._try(sdk, dialect, request)
            except (sdk.refusal, ProviderError, *_FAILURES) as error:
                refusal = _refusal(error)
                learnt = dialect.learn(refusal.status, refusal.message) if refusal else None
                problem = self._error(error, request.model)
                wait = 0.0 if learnt else _wait(refusal, tries) if problem.retryable else None
                if wait is None or tries == MAX_TRIES:
                    raise problem from error
                self._dialects[request.model] = learnt or dialect
            await asyncio.sleep(wait)

    async def _try(
        self, sdk: _Sdk, dialect: GeminiDialect, request: ModelRequest
    ) -> tuple[ReplyStream, Sequence[StepEvent]]:
        response = await self._open(sdk, dialect.body(request), request.model)

        async def close() -> None:
            response.close()

        reply = ReplyStream(
            reads=reads(response, silence=self._silence),
            close=close,
            reader=GeminiReader(may_be_empty=request.continues),
        )
        try:
            return reply, await reply.batch()
        except BaseException:
            await reply.aclose()
            raise

    async def _open(self, sdk: _Sdk, body: dict[str, Any], model: str) -> aiohttp.ClientResponse:
        """The response that streams. What is refused comes as the SDK's `APIError`."""
        models = cast("Any", sdk.client.aio.models)  # its types reach into libraries that are not here
        stream = await models.generate_content_stream(
            model=model,
            contents="-",
            config={
                # As the extra body it is sent as it is; as arguments the SDK would make objects of the whole
                # conversation: 87 ms for 400 messages, in which no other reply goes on.
                "http_options": {"extra_body": body},
                "automatic_function_calling": {"disable": True},
                "automatic_continuation": False,
            },
        )
        try:
            async with asyncio.timeout(self._silence.total_seconds()):
                await anext(stream)
        except Opened as opened:
            return opened.response
        except TimeoutError as error:
            if isinstance(error, aiohttp.ClientError):
                raise
            raise ProviderTimeout("Gemini stopped sending.") from error
        raise AssertionError("the SDK read the answer by itself")

    async def _dialect(self, name: str) -> GeminiDialect:
        if name not in self._dialects:
            known = next((model for model in await self._list.models() if model.name == name), None)
            self._dialects[name] = GeminiDialect.of(name, known)
        return self._dialects[name]

    @override
    async def _fetch_models(self) -> Sequence[Model]:
        sdk = await self._sdk()
        try:
            async with asyncio.timeout(LIST_TIMEOUT.total_seconds()):
                pager = await sdk.client.aio.models.list(config={"page_size": LIST_PAGE})
                listed = [entry async for entry in pager]
        except (sdk.refusal, *_FAILURES) as error:
            raise self._error(error, "") from error
        return chat_models(listed, provider=self.name)

    @override
    def _error(self, error: Exception, model: str) -> ProviderError:
        if isinstance(error, ProviderError):
            return error
        if refusal := _refusal(error):
            return refusal.error(model=model, api_key=self._api_key)
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            return ProviderRefused(
                "The request could not be made. Please check GEMINI_API_KEY and GEMINI_BASE_URL.",
                advice="",
            )
        return connection_error(error, server="Gemini", address_setting="GEMINI_BASE_URL")


def _refusal(error: Exception) -> GeminiRefusal | None:
    """What the SDK's error says, if it is one."""
    from google.genai.errors import APIError

    if not isinstance(error, APIError):
        return None
    response = cast("object", error.response)
    after = response.headers.get("Retry-After", "") if isinstance(response, aiohttp.ClientResponse) else ""
    return GeminiRefusal(
        status=error.code,
        name=str(error.status or ""),
        message=str(error.message or ""),
        body=cast("object", error.details),
        retry_after=after,
    )


def _wait(refusal: GeminiRefusal | None, tries: int) -> float | None:
    """Seconds before the next try: what the server asks for, else our own. None when it asks for too much."""
    asked = refusal.wait if refusal else None
    if asked is None:
        return pause(tries)
    return asked.total_seconds() if asked <= MAX_RETRY_AFTER else None
