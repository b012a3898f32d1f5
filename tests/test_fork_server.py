"""A forked server is what `python -m` of the same command would be."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatapp.settings import PROJECT_ROOT
from tests.fork_server import Forked, forked

#: What is loaded twice here takes its time on a busy machine.
pytestmark = [pytest.mark.needs("linux"), pytest.mark.timeout(180)]

ENV = {"ONLY": "this", "LANG": "C.UTF-8"}
TELLS = """
import json, os, sys, time
print(json.dumps({
    "arguments": sys.argv[1:],
    "name": __name__,
    "cwd": os.getcwd(),
    "env": dict(os.environ),
    "path": sys.path,
    "leads a session": os.getsid(0) == os.getpid(),
    "app": [name for name in sys.modules if name.partition(".")[0] in {"chatapp", "rxconfig"}],
    "open": sorted(os.readlink(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd")[:-1]),
}), flush=True)
if "wait" in sys.argv:
    time.sleep(600)
sys.exit(3)
"""
LEFT_BEHIND = """
import os, signal, sys
from pathlib import Path
from tests.fork_server import forked
child = forked(["telling", "wait"], cwd=Path(sys.argv[1]), env={}, log=open(os.devnull, "wb"))
assert child.poll() is None
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "telling.py").write_text(TELLS)
    return tmp_path


def start(folder: Path, *arguments: str) -> Forked:
    with (folder / "log").open("wb") as log:
        return forked(["telling", *arguments], cwd=folder, env=ENV, log=log)


def test_it_has_all_that_it_would_have_and_nothing_of_the_tests(folder: Path):
    """Arguments, place, environment, paths, session, open files and exit status; no app but its own."""
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "telling", "--port", "1"]
        where = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        status = subprocess.run(command, env=ENV, **where, start_new_session=True, check=False).returncode
    alone = json.loads((folder / "log").read_text())
    assert alone["leads a session"]
    other = start(folder, "wait")
    child = start(folder, "--port", "1")
    assert child.wait(20) == status == 3
    assert json.loads((folder / "log").read_text()) == alone
    assert other.poll() is None
    other.terminate()
    assert other.wait(20) == -signal.SIGTERM


def test_who_is_killed_has_ended(folder: Path):
    child = start(folder, "wait")
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.1)
    os.killpg(child.pid, signal.SIGKILL)
    assert (child.wait(20), child.poll()) == (-signal.SIGKILL, -signal.SIGKILL)


def test_it_ends_with_the_process_that_started_it(folder: Path):
    command = [sys.executable, "-c", LEFT_BEHIND, str(folder)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    subprocess.run(["tail", f"--pid={int(done.stdout)}", "-f", "/dev/null"], timeout=20, check=True)
