"""Each fault of a server: what is raised, what text is kept, and how often the server was asked."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from chatapp.domain.errors import (
    ProviderBusy,
    ProviderError,
    ProviderGarbage,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from chatapp.providers.base import Provider
from tests.advice import says_what_to_do
from tests.providers.asking import ask, ask_until_it_breaks, end, request, said
from tests.providers.vendors import LONG, Vendor, provider_of, url_of
from tests.upstream import Upstream, text
from tests.waiting import until

SECRET = "secret-key"
#: Where silence is the fault. All tries of the first two end so; the third's words must come before it.
SILENCES = {
    "hang-headers": timedelta(seconds=0.5),
    "hang-first": timedelta(seconds=0.5),
    "hang": timedelta(seconds=3),
}


@pytest.fixture(params=["openai", "gemini"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """Each wire format has the same faults."""
    return request.param


@pytest.fixture
async def provider(
    vendor: Vendor, upstream: Upstream, request: pytest.FixtureRequest
) -> AsyncGenerator[Provider]:
    """The vendor's provider, connected to a server of faults; it is impatient where silence is the fault."""
    fault = str(request.node.callspec.params.get("fault", ""))
    opened = provider_of(vendor, url_of(vendor, upstream), silence=SILENCES.get(fault, LONG))
    await opened.open()
    await opened.wait_ready()
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("fault", "kind", "tries", "words"),
    [
        ("429 after:0.01", ProviderBusy, 3, "too busy"),
        ("500 after:0.01", ProviderBusy, 3, "problem"),
        ("503 after:0.01", ProviderBusy, 3, "problem"),
        ("429 after:3600", ProviderBusy, 1, "too busy"),
        ("400", ProviderRefused, 1, "longer than this model can read"),
        ("401", ProviderRefused, 1, "{VENDOR}_API_KEY"),
        ("402", ProviderRefused, 1, "credit"),
        ("403", ProviderRefused, 1, "does not allow"),
        ("404", ProviderRefused, 1, "{VENDOR}_BASE_URL"),
        ("418", ProviderRefused, 1, "418"),
        ("refuse", ProviderUnreachable, 3, "closed the connection"),
        ("hang-headers", ProviderTimeout, 3, "stopped sending"),
        ("hang-first", ProviderTimeout, 3, "stopped sending"),
        ("clean at:0", ProviderUnreachable, 3, "broke the reply off"),
        ("cut at:0", ProviderUnreachable, 3, "broke"),
        ("rst at:0", ProviderUnreachable, 3, "broke"),
        ("error at:0", ProviderBusy, 3, "overloaded"),
        ("html", ProviderGarbage, 1, "did not answer with a stream"),
        ("json", ProviderGarbage, 1, "did not answer with a stream"),
        ("garbage at:0", ProviderGarbage, 1, "not a stream"),
        ("longline at:0", ProviderGarbage, 1, "too long"),
    ],
)
async def test_before_the_first_event(
    vendor: Vendor,
    provider: Provider,
    upstream: Upstream,
    fault: str,
    kind: type[ProviderError],
    tries: int,
    words: str,
) -> None:
    """Tried again where that may help, three times in all; nothing was shown, so nothing is lost."""
    events, error = await ask_until_it_breaks(provider, request(f"[n:20 fault:{fault}]"))
    assert isinstance(error, kind)
    assert words.format(VENDOR=vendor.upper()) in error.message
    assert SECRET not in error.message
    assert says_what_to_do(error.message)
    assert (events, len(upstream.requests)) == ([], tries)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("hang", ProviderTimeout),
        ("clean", ProviderUnreachable),
        ("done", ProviderUnreachable),
        ("cut", ProviderUnreachable),
        ("rst", ProviderUnreachable),
        ("error", ProviderBusy),
        ("garbage", ProviderGarbage),
        ("torn", ProviderGarbage),
        ("longline", ProviderGarbage),
    ],
)
async def test_in_the_midst_of_a_reply(
    provider: Provider, upstream: Upstream, fault: str, kind: type[ProviderError]
) -> None:
    """What came stays, the rest is an error, and nothing is sent again: that would double the text."""
    events, error = await ask_until_it_breaks(provider, request(f"[n:40 r:200 fault:{fault} at:20]"))
    assert type(error) is kind
    assert says_what_to_do(error.message)
    assert text(20).startswith(said(events))
    assert len(said(events)) > len(text(10))
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("fault", ["503 after:0.01 tries:2", "429 after:0.01 tries:1", "rst at:0 tries:1"])
async def test_a_fault_that_passes_is_not_noticed(provider: Provider, upstream: Upstream, fault: str) -> None:
    """The reply is whole, in one copy."""
    assert said(await ask(provider, request(f"[n:20 fault:{fault}]"))) == text(20)
    assert len(upstream.requests) == len([r for r in upstream.requests if r.outcome != "complete"]) + 1


async def test_retry_after_is_heeded(provider: Provider, upstream: Upstream) -> None:
    """The server knows best when it has room again."""
    started = time.monotonic()
    await ask(provider, request("[n:5 fault:429 after:0.7 tries:1]"))
    assert time.monotonic() - started >= 0.7
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("fault", ["noise", "utf8", "nul", "surrogate"])
async def test_odd_bytes_do_not_hurt(provider: Provider, fault: str) -> None:
    """The reply goes on after them, and what is shown can be stored."""
    events = await ask(provider, request(f"[n:20 fault:{fault} at:10]"))
    shown = said(events)
    assert shown.startswith(text(10))
    assert shown.endswith(text(20).removeprefix(text(10)))
    assert shown.isprintable() or "\n" in shown
    shown.encode()
    assert end(events)


async def test_a_long_line_is_not_kept_in_memory(provider: Provider, upstream: Upstream) -> None:
    """The connection is closed after the first megabyte of ten."""
    _, error = await ask_until_it_breaks(provider, request("[n:20 fault:longline]"))
    assert isinstance(error, ProviderGarbage)


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:1/v1", "refuses connections"),
        ("http://user:hidden@127.0.0.1:1/v1", "Please check"),
        ("http://no-such-host.invalid/v1", "cannot be found"),
        ("ftp://somewhere", "not one"),
    ],
)
async def test_an_address_that_does_not_work(vendor: Vendor, base_url: str, words: str) -> None:
    """Says which setting to look at, without what the address hides."""
    provider = provider_of(vendor, base_url, key=SECRET, models=("m",))
    await provider.open()
    _, error = await ask_until_it_breaks(provider, request("hello", model="m"))
    await provider.close()
    assert isinstance(error, ProviderError)
    assert words in error.message
    assert f"{vendor.upper()}_BASE_URL" in error.message
    assert "hidden" not in error.message
    assert says_what_to_do(error.message)


async def test_a_key_that_is_refused(vendor: Vendor, upstream: Upstream) -> None:
    """The server repeats the key in its answer; we do not."""
    provider = provider_of(vendor, url_of(vendor, upstream), key="wrong-key", models=("mock",))
    await provider.open()
    _, error = await ask_until_it_breaks(provider, request("hello"))
    await provider.close()
    assert isinstance(error, ProviderRefused)
    assert f"{vendor.upper()}_API_KEY" in error.message
    assert "wrong-key" not in error.message
    assert says_what_to_do(error.message)


async def test_a_key_that_no_header_can_hold(vendor: Vendor, upstream: Upstream) -> None:
    """A typing mistake, not a crash."""
    provider = provider_of(vendor, url_of(vendor, upstream), key="schlüssel\nmore", models=("mock",))
    await provider.open()
    _, error = await ask_until_it_breaks(provider, request("hello"))
    await provider.close()
    assert isinstance(error, ProviderError)


async def test_an_unknown_model(provider: Provider) -> None:
    """Named, so that another can be chosen."""
    _, error = await ask_until_it_breaks(provider, request("hello", model="unknown"))
    assert isinstance(error, ProviderRefused)
    assert "'unknown'" in error.message
    assert says_what_to_do(error.message)


async def test_a_server_that_dies_with_open_replies(provider: Provider, upstream: Upstream) -> None:
    """Each reply is cut off, none hangs, none is complete."""
    asked = [
        asyncio.create_task(ask_until_it_breaks(provider, request(f"[n:500 r:50 id:{i}]"))) for i in range(20)
    ]
    await until(lambda: sum(record.tokens > 3 for record in upstream.requests) == 20)
    await upstream.stop()
    for events, error in await asyncio.gather(*asked):
        assert isinstance(error, ProviderUnreachable)
        assert text(500).startswith(said(events))
