"""A pytest with several processes keeps what is marked `alone` from everything else."""

import os
import subprocess
import sys
from pathlib import Path

from tests.app_build import PROJECT

INNER = """
import time
from pathlib import Path
import pytest

def spell(name):
    began = time.monotonic()
    time.sleep(0.2)
    with Path({times!r}).open("a") as file:
        file.write(f"{{name}} {{began}} {{time.monotonic()}}\\n")

@pytest.mark.parametrize("number", range(6))
def test_among_others(number):
    spell("shared")
{mark}
@pytest.mark.parametrize("number", range(3))
def test_measuring(number):
    spell("measuring")
"""


def overlaps(tmp_path: Path, mark: str) -> int:
    """How many tests ran beside a measuring one, with three processes."""
    times, folder = tmp_path / "times", tmp_path / "tests"
    folder.mkdir()
    (folder / "conftest.py").write_text("from tests.conftest import pytest_runtest_protocol\n")
    for number in range(3):
        (folder / f"test_inner_{number}.py").write_text(INNER.format(times=str(times), mark=mark))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-c", str(PROJECT / "pyproject.toml")]
    command += ["--rootdir", str(folder), "-p", "no:cacheprovider", str(folder)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    spells = [line.split() for line in times.read_text().splitlines()]
    assert len(spells) == 27
    alone = [(float(began), float(ended)) for name, began, ended in spells if name == "measuring"]
    return sum(
        1
        for began, ended in alone
        for _, other_began, other_ended in spells
        if float(other_began) < ended and began < float(other_ended)
    ) - len(alone)  # each is beside itself


def test_what_is_alone_has_nothing_beside_it(tmp_path: Path) -> None:
    assert overlaps(tmp_path, "@pytest.mark.alone") == 0


def test_what_is_not_has(tmp_path: Path) -> None:
    assert overlaps(tmp_path, "") > 0
