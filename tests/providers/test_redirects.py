"""A model's server that sends requests on to another one: nobody goes there, neither text nor key."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from chatapp.domain.errors import NoModel, ProviderRefused
from tests.advice import says_what_to_do
from tests.providers.asking import ask_until_it_breaks, request
from tests.providers.vendors import Vendor, provider_of
from tests.upstream import Upstream


@asynccontextmanager
async def sending_on(status: int, to: Callable[[str], str]) -> AsyncGenerator[str]:
    """A server that answers every request for a path with the address that `to` makes of it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        where = to(head.split(" ")[1])
        writer.write(
            f"HTTP/1.1 {status} Elsewhere\r\nlocation: {where}\r\ncontent-length: 0\r\n"
            "connection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("vendor", ["openai", "gemini"])
async def test_a_redirect_is_not_followed(vendor: Vendor, status: int) -> None:
    """Said in words, with the setting to look at, and the other server hears nothing: no list, no reply."""
    async with (
        Upstream() as elsewhere,
        sending_on(status, lambda path: f"http://127.0.0.1:{elsewhere.port}{path}") as url,
    ):
        base_url = f"{url}/v1" if vendor == "openai" else f"{url}/gemini"
        provider = provider_of(vendor, base_url, models=("mock",))
        await provider.open()
        _, error = await ask_until_it_breaks(provider, request("[n:5]"))
        await provider.close()
        asking = provider_of(vendor, base_url)
        await asking.open()
        with pytest.raises(NoModel, match="not followed"):
            await asking.wait_ready()
        await asking.close()
        assert isinstance(error, ProviderRefused)
        assert f"{vendor.upper()}_BASE_URL" in error.message
        assert says_what_to_do(error.message)
        assert (elsewhere.requests, elsewhere.model_lists, elsewhere.connections) == ([], 0, set())
