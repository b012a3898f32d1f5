"""What a test started ends with the test's process, however that ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatapp.settings import PROJECT_ROOT
from tests.spawning import Held

pytestmark = pytest.mark.needs("linux")

# Started by a thread that is gone by the time the process is killed.
LEFT_BEHIND = """
import os, signal, threading
from tests.spawning import spawned
def start():
    global child
    child = spawned(["sleep", "600"], start_new_session=True, stdout=open(os.devnull))
(thread := threading.Thread(target=start)).start()
thread.join()
assert child.poll() is None
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_ends_with_the_process_and_not_with_the_thread_that_made_it():
    done = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    child = Path(f"/proc/{int(done.stdout)}")
    subprocess.run(["tail", f"--pid={child.name}", "-f", "/dev/null"], timeout=20, check=True)


def test_a_folder_is_kept_while_its_process_lives(tmp_path: Path):
    first = Held("one-", within=tmp_path)
    second = Held("one-", within=tmp_path)
    assert first.folder.exists()
    first.remove()
    second.remove()
    assert list(tmp_path.iterdir()) == []
