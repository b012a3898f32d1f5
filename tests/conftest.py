"""What all tests share: settings of their own, and nothing skipped where everything is promised to run."""

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from chatapp.settings import Settings, load
from tests.alone import turn
from tests.databases import database_file, database_kind, database_url
from tests.needs import require
from tests.postgres import postgres_database, postgres_server
from tests.redis import redis_server

__all__ = [
    "database_file",
    "database_kind",
    "database_url",
    "postgres_database",
    "postgres_server",
    "redis_server",
]

# A machine that is busy is no reason to fail an example: pytest's own timeout is there for what hangs.
hypothesis.settings.register_profile("chatapp", deadline=None)
hypothesis.settings.load_profile("chatapp")

NOTHING_MAY_BE_SKIPPED = os.environ.get("CHATAPP_TEST_REQUIRE") == "all"


@pytest.fixture
def settings_with(tmp_path: Path, database_kind: str, database_url: str) -> Callable[..., Settings]:
    """Make settings from the given variables alone, with data folder and database that are the test's own."""
    own = {} if database_kind == "sqlite" else {"DATABASE_URL": database_url}

    def make(**variables: str) -> Settings:
        return load({"CHATAPP_DATA_DIR": str(tmp_path / "data"), **own, **variables})

    return make


@pytest.fixture
def settings(settings_with: Callable[..., Settings]) -> Settings:
    """The defaults, as a newcomer has them."""
    return settings_with()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # The first of them has to build the page.
        if "app_build" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the clock of pytest-timeout is started
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    # A pytest that is no process of xdist is the only one, or one that a test runs.
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        require(*marker.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _never_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _never_skipped((yield))


def _never_skipped(report: Any) -> Any:
    if NOTHING_MAY_BE_SKIPPED and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CHATAPP_TEST_REQUIRE=all, so nothing is skipped. {reason}"
    return report
