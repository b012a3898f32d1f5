"""What Reflex is told, seen as Reflex sees it: in a process of its own, in any working directory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatapp.settings import PROJECT_ROOT

SHOW = """
import json, os, rxconfig
from reflex_base.environment import environment as seen
config = rxconfig.config
print(json.dumps({
    "origins": config.cors_allowed_origins,
    "host": config.backend_host,
    "telemetry": config.telemetry_enabled,
    "hops": config.trusted_proxy_hops,
    "npm": seen.REFLEX_USE_NPM.get(),
    "silence": (seen.REFLEX_SOCKET_INTERVAL.get() + seen.REFLEX_SOCKET_TIMEOUT.get()).total_seconds(),
    "unwatched": [str(path) for path in seen.REFLEX_HOT_RELOAD_EXCLUDE_PATHS.get()],
    "path": os.environ["PATH"].split(os.pathsep),
}))
"""


def told(tmp_path: Path, **variables: str) -> dict:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REFLEX_")}
    env = {**kept, "PYTHONPATH": str(PROJECT_ROOT), "CHATAPP_DATA_DIR": str(tmp_path / "data"), **variables}
    command = [sys.executable, "-c", SHOW]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def in_development(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The environment's own programs are not on PATH, as when it was not activated."""
    return told(tmp_path_factory.mktemp("elsewhere"), PATH="/usr/bin:/bin")


def test_development_is_for_this_machine_alone(in_development: dict):
    assert in_development["host"] == "127.0.0.1"
    assert in_development["telemetry"] is False
    assert in_development["hops"] == 0


def test_origins_are_a_list_and_ours(in_development: dict):
    """Reflex's default is `*`, with credentials; an empty list would be the same."""
    hosts = ("http://localhost", "http://127.0.0.1")
    assert set(in_development["origins"]) == {f"{host}:{port}" for host in hosts for port in (3000, 8000)}


def test_origins_follow_the_ports(tmp_path: Path):
    """Reflex's command line, and its search for a free port, end in these variables."""
    origins = told(tmp_path, REFLEX_FRONTEND_PORT="3001", REFLEX_BACKEND_PORT="8001")["origins"]
    assert {"http://localhost:3001", "http://127.0.0.1:8001"} <= set(origins)
    assert "http://localhost:3000" not in origins


def test_npm_comes_with_the_environment(in_development: dict):
    """Nothing is downloaded by Reflex, and node is found although the environment was not activated."""
    assert in_development["npm"] is True
    assert in_development["path"][0] == str(Path(sys.executable).parent)


def test_a_silent_cut_is_noticed_soon(in_development: dict):
    assert in_development["silence"] <= 15


def test_only_code_restarts_the_development_server(tmp_path: Path):
    """The database is written at every token; a restart at each would cut every reply."""
    left_out = {Path(path) for path in told(tmp_path)["unwatched"]}
    assert tmp_path / "data" in left_out
    assert PROJECT_ROOT / "tests" in left_out
    assert not left_out & {PROJECT_ROOT / "chatapp", PROJECT_ROOT / "rxconfig.py"}
    assert [path for path in left_out if not path.exists()] == []


def test_production_listens_for_its_proxy(tmp_path: Path):
    production = {"APP_ENV": "production", "AUTH_MODE": "guest", "SECRET_KEY": "k" * 32}
    config = told(tmp_path, **production, PUBLIC_URL="https://chat.example", TRUSTED_PROXY_HOPS="1")
    assert config["host"] == "0.0.0.0"
    assert config["origins"] == ["https://chat.example"]
    assert config["hops"] == 1
