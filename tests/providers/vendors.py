"""Providers of both wire formats, for tests that ask the same of each."""

from datetime import timedelta
from typing import Literal

from chatapp.providers.base import Provider
from chatapp.providers.gemini import GeminiProvider
from chatapp.providers.openai import OpenAIProvider
from tests.upstream import Upstream

Vendor = Literal["openai", "gemini"]
#: Where nothing is silent on purpose, a busy machine must not look like it.
LONG = timedelta(seconds=60)


def url_of(vendor: Vendor, upstream: Upstream) -> str:
    """Where the tests' server speaks the vendor's format."""
    return upstream.base_url if vendor == "openai" else upstream.gemini_url


def provider_of(
    vendor: Vendor,
    url: str,
    *,
    key: str = "secret-key",
    models: tuple[str, ...] = (),
    silence: timedelta = LONG,
) -> Provider:
    """A provider for a server on this machine."""
    kind = OpenAIProvider if vendor == "openai" else GeminiProvider
    return kind(
        api_key=key,
        base_url=url,
        models=models,
        max_connections=300,
        connect_timeout=timedelta(seconds=5),
        first_byte_timeout=silence,
    )
