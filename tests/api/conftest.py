"""The API as a program meets it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from chatapp.bootstrap import open_services
from chatapp.settings import Settings
from tests.api.served import Api, served
from tests.databases import make_schema

Serving = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture
def serving(settings_with: Callable[..., Settings]) -> Serving:
    """Serves the API on the test's own data folder, with replies that messages order word for word."""

    @asynccontextmanager
    async def opened(**variables: str) -> AsyncGenerator[Api]:
        chosen = {"LOCAL_MODEL": "off", "DEFAULT_MODEL": "scripted:script", "THROTTLE_LIMIT": "1000000"}
        settings = settings_with(**chosen | variables)
        make_schema(settings.database_url)
        async with open_services(settings) as services, served(services) as api:
            yield api

    return opened


@pytest.fixture
async def api(serving: Serving) -> AsyncGenerator[Api]:
    """The API with the default settings."""
    async with serving() as opened:
        yield opened
