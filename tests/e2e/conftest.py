"""Tests of this folder run on one event loop, since they share a browser."""

from pathlib import Path

import pytest

from tests.e2e.ear import ear  # noqa: F401
from tests.e2e.fixtures import (  # noqa: F401
    app_build,
    browser,
    come,
    mortal,
    say,
    server,
    upstream,
    visitor,
)

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
