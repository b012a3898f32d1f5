from collections.abc import AsyncGenerator

import pytest

from chatapp.storage.database import Database
from tests.storage.made import opened_database


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """A migrated database of the test's own."""
    async with opened_database(database_url) as opened:
        yield opened
