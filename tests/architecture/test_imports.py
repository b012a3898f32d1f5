"""What happens when a module is only imported: nothing that another program could notice."""

import json
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

LOOK = """
import importlib, json, os, pkgutil, sys, threading
before = set(sys.modules)
descriptors = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
{imports}
print(json.dumps({{
    "modules": sorted(set(sys.modules) - before),
    "threads": threading.active_count(),
    "descriptors": len(set(os.listdir("/proc/self/fd")) - descriptors) if descriptors else 0,
}}))
"""

ALL_BUT_THE_PAGE = """
import chatapp
for found in pkgutil.iter_modules(chatapp.__path__, "chatapp."):
    if found.name in {"chatapp.ui", "chatapp.chatapp", "chatapp.__main__"}:
        continue
    package = importlib.import_module(found.name)
    for below in pkgutil.walk_packages(getattr(package, "__path__", []), found.name + "."):
        if ".migrations" not in below.name:
            importlib.import_module(below.name)
"""


def looked(imports: str) -> dict:
    """Import in a fresh interpreter and say what is there then that was not there before."""
    command = [sys.executable, "-c", LOOK.format(imports=imports)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def below_the_page() -> dict:
    return looked(ALL_BUT_THE_PAGE)


def test_the_package_imports_nothing():
    """`import chatapp` is free: a command line answers at once, and tools can read the version."""
    assert [name for name in looked("import chatapp")["modules"] if not name.startswith("chatapp")] == []
    assert "chatapp.settings" not in looked("import chatapp")["modules"]


def test_workers_start_without_the_page(below_the_page: dict):
    """Reflex costs a second and 100 MB, which a worker has no use for."""
    assert [name for name in below_the_page["modules"] if name.partition("_")[0].startswith("reflex")] == []


def test_a_worker_loads_neither_the_page_nor_the_api():
    """It is to be small: there are to be many. Vendors' libraries come with the vendors that are set up."""
    loaded = {name.partition(".")[0] for name in looked("import chatapp.working")["modules"]}
    assert not loaded & {"reflex", "reflex_base", "fastapi", "starlette", "openai", "google"}


@pytest.mark.needs("linux")
def test_nothing_is_opened_at_import(below_the_page: dict):
    """Production forks after loading the app: a file, socket or thread from before is shared or dead."""
    assert below_the_page["threads"] == 1
    assert below_the_page["descriptors"] == 0
