"""One app for all hostile clients: a test that hurts it is found by the next one."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.app_build import PROJECT, Build
from tests.app_server import app_build, servers  # noqa: F401
from tests.doors.house import House

APP = "tests.doors.inspected_app:app"


@pytest.fixture(scope="session")
def upstream_url() -> Generator[str]:
    """A server of models, in a process of its own."""
    command = [sys.executable, "-m", "tests.upstream", "--port", "0"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
        process.terminate()


@pytest.fixture(scope="session")
def house(app_build: Build, upstream_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:  # noqa: F811
    """The running app."""
    with servers(app_build, tmp_path_factory.mktemp("doors")) as start:
        # All routes are asked from one address within a minute, by everybody.
        limits = {"THROTTLE_LIMIT": "100000"}
        yield House(start(APP, OPENAI_BASE_URL=upstream_url, OPENAI_API_KEY="none", **limits))


@pytest.fixture
def small_house(app_build: Build, upstream_url: str, tmp_path: Path) -> Generator[House]:  # noqa: F811
    """An app of the test's own, with the limits that people get by default."""
    with servers(app_build, tmp_path) as start:
        yield House(
            start(APP, OPENAI_BASE_URL=upstream_url, OPENAI_API_KEY="none", MAX_CONNECTIONS_PER_IP="50")
        )
