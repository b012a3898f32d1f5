from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from chatapp.storage.database import Database
from tests.storage.made import opened_database


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "chatapp.db"


@pytest.fixture
async def database(database_file: Path) -> AsyncGenerator[Database]:
    """A migrated database in a file of its own."""
    async with opened_database(database_file) as opened:
        yield opened
