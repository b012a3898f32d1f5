"""The HTTP client that Google's SDK is given: real timeouts, a limit, and the streamed answers' raw bytes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import aiohttp
from typing_extensions import override

from chatapp.domain.errors import ProviderTimeout
from chatapp.providers.gemini_refusals import sent_on

STREAMED: Final = ":streamGenerateContent"
#: Longer than the pause between two messages of a person, shorter than what servers keep open.
KEEP_ALIVE: Final = timedelta(seconds=30)


class Opened(BaseException):
    """A streamed answer has begun: carries it past the SDK, which would make an object of each chunk.

    Like `GeneratorExit` it is no `Exception`, so that nothing on its way takes it for a failure to handle.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        super().__init__("a streamed answer has begun")
        self.response = response


class _Connector(aiohttp.TCPConnector):
    """The SDK asks for no timeout at all; connecting has one all the same."""

    def __init__(self, *, connect_timeout: timedelta, limit: int) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            limit=limit, keepalive_timeout=KEEP_ALIVE.total_seconds()
        )
        self._bounds = aiohttp.ClientTimeout(sock_connect=connect_timeout.total_seconds())

    @override
    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        return await super().connect(req, traces, self._bounds)


def http_client(*, connect_timeout: timedelta, max_connections: int) -> aiohttp.ClientSession:
    """A client for the SDK. A streamed answer that is no refusal is raised as `Opened`."""
    return aiohttp.ClientSession(
        connector=_Connector(connect_timeout=connect_timeout, limit=max_connections),
        # Compressed, a stream would come in blocks.
        headers={"Accept-Encoding": "identity"},
        middlewares=(_pass_on,),
        trust_env=True,
    )


async def _pass_on(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if 300 <= response.status < 400:
        # aiohttp would go there, with the conversation and the API key.
        response.close()
        raise sent_on(response.status)
    if response.status == 200 and request.url.path.endswith(STREAMED):
        raise Opened(response)
    return response


async def reads(response: aiohttp.ClientResponse, *, silence: timedelta) -> AsyncIterator[bytes]:
    """What the network brings, as it comes.

    Raises:
        ProviderTimeout: nothing came for so long.
    """
    while True:
        try:
            async with asyncio.timeout(silence.total_seconds()):
                read = await response.content.readany()
        except TimeoutError as error:
            raise ProviderTimeout("Gemini stopped sending.") from error
        if not read:
            return
        yield read
