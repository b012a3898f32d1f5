"""A missing tool is said in one line, and is a failure where every test is promised to run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatapp.settings import PROJECT_ROOT

A_TEST_WITHOUT_ITS_TOOL = """
import pytest

@pytest.mark.needs("redis")
def test_with_redis(): ...
"""


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(A_TEST_WITHOUT_ITS_TOOL)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-rs", "-c", os.devnull, "--rootdir", "."]
    env = {**os.environ, "PATH": str(folder), "PYTHONPATH": str(PROJECT_ROOT), **variables}
    command = [sys.executable, "-m", "pytest", *options, "test_it.py"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_missing_tool_skips_the_test_and_says_what_to_install(tmp_path: Path):
    done = run(tmp_path, CHATAPP_TEST_REQUIRE="")
    assert done.returncode == pytest.ExitCode.OK
    assert "needs redis: apt-get install redis-server" in done.stdout


def test_a_missing_tool_fails_where_nothing_may_be_skipped(tmp_path: Path):
    done = run(tmp_path, CHATAPP_TEST_REQUIRE="all")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "needs redis: apt-get install redis-server" in done.stdout
