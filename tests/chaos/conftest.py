"""Tests of the whole app (`test_app_*`) run on one event loop, since they share a browser."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.app_build import Build
from tests.app_server import AppServer, servers
from tests.e2e.fixtures import SETTINGS, app_build, browser, come, upstream  # noqa: F401
from tests.upstream import Upstream

HERE: Final = Path(__file__).parent
#: How often faults at random moments are tried; CHATAPP_CHAOS_ROUNDS=50 for a long night.
ROUNDS: Final = int(os.environ.get("CHATAPP_CHAOS_ROUNDS", "5"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and item.path.name.startswith("test_app_"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.timeout(300 + 30 * ROUNDS))


@pytest.fixture
def rounds() -> int:
    """How often a fault is tried."""
    return ROUNDS


@pytest.fixture
def chance() -> random.Random:
    """Random moments, the same again with CHATAPP_CHAOS_SEED; a failure prints the seed."""
    seed = int(os.environ.get("CHATAPP_CHAOS_SEED") or random.SystemRandom().randrange(2**32))
    print(f"CHATAPP_CHAOS_SEED={seed}")
    return random.Random(seed)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mortal(
    app_build: Build,  # noqa: F811
    upstream: Upstream,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[AppServer]:
    """An app that may be killed: who kills it starts it again, with the same port and data."""
    with servers(app_build, tmp_path_factory.mktemp("mortal")) as start:
        yield await asyncio.to_thread(start, OPENAI_BASE_URL=upstream.base_url, **SETTINGS)
