"""What some tests cannot do without, how to tell that it is there, and what to install if it is not.

A test says `@pytest.mark.needs("chromium")`, a fixture calls `require("chromium")`.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest


class Need(NamedTuple):
    there: Callable[[], bool]
    install: str


def program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def chromium_path() -> str | None:
    """The machine's own Chromium for Playwright's `executable_path`; None lets Playwright take its own.

    The one without a window comes first: the same engine, for about half the processor's time.
    """
    own = os.environ.get("CHATAPP_TEST_CHROMIUM", "")
    names = (own, "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def _has_chromium() -> bool:
    browsers = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    return chromium_path() is not None or any(browsers.glob("chromium*"))


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs. Debian keeps those of each version in one of its own."""
    if not shutil.which("setpriv"):  # Linux's way to run it as somebody else than root
        return None
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


def pgbouncer_path() -> str | None:
    """Debian has it where only root looks."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


NEEDS: Final = {
    "chromium": Need(
        _has_chromium, "apt-get install chromium-headless-shell, or: playwright install --with-deps chromium"
    ),
    "redis": Need(program("redis-server", "valkey-server"), "apt-get install redis-server"),
    "postgres": Need(lambda: postgres_programs() is not None, "apt-get install postgresql"),
    "pgbouncer": Need(lambda: pgbouncer_path() is not None, "apt-get install pgbouncer"),
    "caddy": Need(program("caddy"), "apt-get install caddy"),
    "curl": Need(program("curl"), "apt-get install curl"),
    "git": Need(program("git"), "apt-get install git"),
    "linux": Need(Path("/proc/self/fd").exists, "Linux: the test looks into /proc"),
}


def require(*things: str) -> None:
    """Skip the test if one of the things is missing, with one line that says what to install.

    With CHATAPP_TEST_REQUIRE=all every skipped test fails (tests/conftest.py).
    """
    for thing in things:
        if not NEEDS[thing].there():
            pytest.skip(f"needs {thing}: {NEEDS[thing].install}")
