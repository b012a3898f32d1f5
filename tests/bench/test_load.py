"""A small load: what the benchmark reads off the wire is there, and is about as much as it was."""

from pathlib import Path

import pytest

from bench.__main__ import measured
from bench.run import Load
from tests.app_build import Build
from tests.app_server import app_build  # noqa: F401

USERS, TOKENS = 3, 60


@pytest.mark.parametrize("history", [0, 6])
def test_each_user_gets_the_whole_reply(app_build: Build, tmp_path: Path, history: int) -> None:  # noqa: F811
    load = Load(users=USERS, tokens=TOKENS, rate=100, history=history, ramp=0.2)
    row = measured(load, app_build, tmp_path)
    assert row["errors"] == {}
    assert row["ok"] == USERS
    # Far from what a busy machine does to them: these are for a wire that is read wrongly, or sends too much.
    assert 0 < row["delay_p50_ms"] < 2_000
    assert 0 < row["submit_p50_ms"] < 2_000
    assert 2 < row["updates"] <= TOKENS
    assert 5 < row["bytes_per_byte"] < 60
    assert 0 < row["cpu_s_per_1k_tokens"] < 20
