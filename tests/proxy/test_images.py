"""Dockerfile and compose.yaml agree with the app, its settings and the Caddyfile; this needs no Docker."""

import fnmatch
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest
import yaml
from reflex_base.environment import environment as reflex_settings

from chatapp.settings import Settings, load
from chatapp.settings.reading import NOT_BUILT_YET, variable
from tests.app_build import PROJECT, SOURCES, Build
from tests.app_server import AppServer
from tests.proxy.caddy import CADDYFILE

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
OURS = {variable(field) for field in Settings.model_fields}
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: Those that run chatapp's image.
APPS = sorted(name for name, service in SERVICES.items() if service.get("image") == "chatapp")
GIVEN = {
    "DOMAIN": "chat.example.org",
    "SECRET_KEY": "k" * 64,
    "DATABASE_PASSWORD": "d" * 48,
    "REDIS_PASSWORD": "r" * 48,
}
#: `{$NAME}` and `{$NAME:default}`.
OF_CADDY = set(re.findall(r"\{\$(\w+)", CADDYFILE.read_text()))


def filled(value: str, **given: str) -> str:
    """As Compose fills in `${NAME:-default}` and `${NAME:?why}`."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", lambda found: given.get(found[1]) or found[2], value)


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.MULTILINE)


def in_images() -> dict[str, str]:
    """The names that ENV sets, of all stages."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))


def test_compose_sets_only_what_somebody_reads() -> None:
    for name in APPS:
        assert SERVICES[name]["environment"].keys() - (OURS - NOT_BUILT_YET.keys()) == set(), name
    assert SERVICES["caddy"]["environment"].keys() - OF_CADDY == set()


def test_what_compose_sets_is_good_for_production(tmp_path) -> None:
    """With the lines that it asks for, and no others; the folder is the test's own."""
    asked = set(re.findall(r"\$\{(\w+)", json.dumps(COMPOSE)))
    head = (PROJECT / "compose.yaml").read_text().partition("\nx-app:")[0]
    assert asked == GIVEN.keys() == set(re.findall(r"^#   (\w+)=", head, re.MULTILINE))
    told = {name: filled(str(value), **GIVEN) for name, value in COMPOSE["x-app"]["environment"].items()}
    assert told["CHATAPP_DATA_DIR"] == in_images()["CHATAPP_DATA_DIR"] == "/data"
    settings = load({**told, "CHATAPP_DATA_DIR": str(tmp_path)})
    assert settings.production
    assert settings.public_url == "https://chat.example.org"
    assert settings.trusted_proxy_hops == 1
    assert settings.auth_mode == "password"
    assert settings.worker == "external"
    assert settings.redis == f"redis://:{GIVEN['REDIS_PASSWORD']}@redis:6379/0"
    assert f"chatapp:{GIVEN['DATABASE_PASSWORD']}@postgres/chatapp" in settings.database_url


def test_compose_has_two_of_what_may_die() -> None:
    """All of them alike, behind one Caddy that knows the web processes by name; nothing else is published."""
    told = {name: SERVICES[name]["environment"] for name in APPS}
    assert all(one == COMPOSE["x-app"]["environment"] for one in told.values())
    webs = [name for name in APPS if "command" not in SERVICES[name]]
    workers = [name for name in APPS if "worker" in SERVICES[name].get("command", ())]
    assert len(webs) == len(workers) == 2
    assert SERVICES["caddy"]["environment"]["BACKENDS"].split() == [f"{name}:8000" for name in webs]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]


@pytest.mark.parametrize("name", APPS)
def test_what_compose_runs_is_understood(name: str, tmp_path) -> None:
    """The command line itself says so; a worker's health is asked where it tells it."""
    command = SERVICES[name].get("command", [])
    if not command:
        return
    asked = [sys.executable, *command[1:4], "--help"]
    env = {"PATH": "/usr/bin:/bin", "CHATAPP_DATA_DIR": str(tmp_path)}
    said = subprocess.run(asked, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert all(option in said.stdout for option in command if option.startswith("--"))
    if "--port" in command:
        port = command[command.index("--port") + 1]
        assert f"http://127.0.0.1:{port}/live" in SERVICES[name]["healthcheck"]["test"][-1]


def test_images_set_only_what_somebody_reads() -> None:
    """Reflex's own names are internal, and may change with its version."""
    known = OURS | OF_CADDY | {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    others = {name for name in in_images().keys() - known if not name.startswith("PIP_")}
    assert others == {"REFLEX_ENV_MODE", "__REFLEX_SKIP_COMPILE"}
    assert others == {getattr(reflex_settings, name.removeprefix("__")).name for name in others}


def test_the_container_runs_what_the_tests_run(tmp_path) -> None:
    server = AppServer(Build(root=tmp_path), data_dir=tmp_path / "data", port=8000)
    command = json.loads(instructions("CMD")[-1])
    command.remove("--respawn-failed-workers")
    command[command.index("0.0.0.0")] = "127.0.0.1"
    assert ["python", "-m", *server.command] == command


def test_what_is_copied_is_there_and_nothing_else_can_be() -> None:
    """`.dockerignore` shuts out everything, and lets in by name."""
    rules = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = set(_sources(line for line in instructions("COPY") if not line.startswith("--from")))
    assert copied == let_in
    assert all((PROJECT / name).exists() for name in copied)
    assert copied - {"Caddyfile"} == set(SOURCES)
    assert not any(fnmatch.fnmatch(".env", rule[1:]) for rule in rules if rule.startswith("!"))


def _sources(copies: Iterable[str]) -> Iterable[str]:
    for line in copies:
        yield from line.split()[:-1]


def test_volumes_and_services_are_named() -> None:
    used = {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())
    }
    assert used == COMPOSE["volumes"].keys()
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", DOCKERFILE, re.MULTILINE))
    built = [service["build"]["target"] for service in SERVICES.values() if "build" in service]
    assert set(built) <= stages


def test_the_page_of_the_manual_names_what_caddy_reads() -> None:
    manual = (PROJECT / "docs/deployment.md").read_text()
    table = manual[manual.index("## What Caddy is told") : manual.index("## What it does")]
    assert set(re.findall(r"`([A-Z_]{3,})`", table)) == OF_CADDY
