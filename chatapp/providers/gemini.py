"""Google's Gemini.

The `google-genai` SDK makes the requests and reads refusals and lists. The bytes of a streamed answer are
taken from the HTTP client that it is given (`gemini_http.py`) and parsed by `sse.py` and `gemini_answers.py`:
the SDK's objects for each chunk would be nearly all that a reply costs, and it holds lines of any length.

It takes a second and 40 MB to load: that is done when this provider is opened, in a thread, behind the start.
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp

from chatapp.domain.errors import ProviderError, ProviderRefused, ProviderTimeout
from chatapp.providers.base import Model, ModelRequest, Readiness, StepEvent
from chatapp.providers.capabilities import named_model
from chatapp.providers.connection_errors import connection_error
from chatapp.providers.gemini_answers import GeminiReader
from chatapp.providers.gemini_dialect import GeminiDialect
from chatapp.providers.gemini_http import Opened, http_client, reads
from chatapp.providers.gemini_models import chat_models
from chatapp.providers.gemini_refusals import GeminiRefusal
from chatapp.providers.model_list import ModelList
from chatapp.providers.reply_stream import ReplyStream
from chatapp.providers.windows import estimate_tokens

if TYPE_CHECKING:
    from google.genai.client import Client
    from google.genai.errors import APIError

OFFICIAL_URL: Final = "https://generativelanguage.googleapis.com"
#: An address that names the version, as other libraries want it.
VERSIONED: Final = re.compile(r"(.*)/(v\d\w*)/?")
MAX_TRIES: Final = 3
RETRY_DELAY: Final = timedelta(milliseconds=500)
#: A server that asks for more patience than this is as good as none; people have long gone.
MAX_RETRY_AFTER: Final = timedelta(minutes=2)
LIST_TIMEOUT: Final = timedelta(seconds=5)
LIST_PAGE: Final = 1000
#: Connections beside the replies: lists of models.
SPARE_CONNECTIONS: Final = 8
_FAILURES: Final = (aiohttp.ClientError, OSError, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sdk:
    client: "Client"
    refusal: "type[APIError]"


class GeminiProvider:
    """See `Provider`.

    `models` are the names on offer; none means that the server is asked. `api_version` is the SDK's own
    choice unless it, or the address, says one. `max_connections` is the number of replies at once: a smaller
    pool makes people wait for each other. `first_byte_timeout` bounds every silence of the connection.
    """

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
        self.name = "gemini"
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
        self._list = ModelList(
            fetch=self._fetch_models, given=[named_model(self.name, one) for one in models]
        )

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

    def readiness(self) -> Readiness:
        """See `Provider`."""
        return self._list.readiness("Gemini")

    async def wait_ready(self) -> None:
        """See `Provider`."""
        await self._list.wait()

    async def models(self) -> Sequence[Model]:
        """See `Provider`; only the first call waits, some seconds at most."""
        return await self._list.models()

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        """An estimate, see `estimate_tokens`: the exact count would be a request of its own."""
        return [estimate_tokens(text) for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        """See `Provider`."""
        reply, batch = await self._begin(request)
        try:
            while batch:
                yield batch
                batch = await self._next(reply, request.model)
        except ProviderError as error:
            error.usage = reply.usage
            raise
        finally:
            await reply.aclose()

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

    async def _begin(self, request: ModelRequest) -> tuple[ReplyStream, Sequence[StepEvent]]:
        """A reply and its first events. What breaks before them is tried again, nothing was shown yet."""
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
                pause = 0.0 if learnt else _pause(refusal, tries) if problem.retryable else None
                if pause is None or tries == MAX_TRIES:
                    raise problem from error
                self._dialects[request.model] = learnt or dialect
            await asyncio.sleep(pause)

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

    async def _next(self, reply: ReplyStream, model: str) -> Sequence[StepEvent]:
        try:
            return await reply.batch()
        except _FAILURES as error:
            raise self._error(error, model) from error

    async def _dialect(self, name: str) -> GeminiDialect:
        if name not in self._dialects:
            known = next((model for model in await self._list.models() if model.name == name), None)
            self._dialects[name] = GeminiDialect.of(name, known)
        return self._dialects[name]

    async def _fetch_models(self) -> Sequence[Model]:
        sdk = await self._sdk()
        try:
            async with asyncio.timeout(LIST_TIMEOUT.total_seconds()):
                pager = await sdk.client.aio.models.list(config={"page_size": LIST_PAGE})
                listed = [entry async for entry in pager]
        except (sdk.refusal, *_FAILURES) as error:
            raise self._error(error, "") from error
        return chat_models(listed, provider=self.name)

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


def _pause(refusal: GeminiRefusal | None, tries: int) -> float | None:
    """Seconds before the next try: what the server asks for, else doubled each time and jittered, so that
    clients do not come back as one. None when it asks for too much.
    """
    wait = refusal.wait if refusal else None
    if wait is not None:
        return wait.total_seconds() if wait <= MAX_RETRY_AFTER else None
    jitter = random.uniform(0.75, 1.0)  # noqa: S311 - no secret
    return RETRY_DELAY.total_seconds() * 2 ** (tries - 1) * jitter
