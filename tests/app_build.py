"""The page, built once from a copy of the project, for every test that needs the running app.

`python -m tests.app_build` builds it, so that the first of them need not.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
#: What the app is made of; a change in any of it makes a new build.
SOURCES: Final = ("chatapp", "assets", "rxconfig.py", "reflex.lock", "requirements.txt")
BUILD_TIMEOUT_S: Final = 300.0
#: What a server inherits: a developer's own keys and settings stay out of the tests.
INHERITED: Final = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A copy of the project with its page built, which nobody changes any more."""

    root: Path

    @property
    def web(self) -> Path:
        return self.root / ".web"


def build_app(into: Path, *, project: Path = PROJECT) -> Build:
    """Build the project's page and copy the result into the new directory `into`.

    The build itself happens in one place for all test sessions of this machine, so that the packages of the
    page are installed once and an unchanged page is not built again.
    """
    with _workshop() as workshop:
        _copy_sources(project, workshop)
        # Of the copy: the project may be edited meanwhile.
        digest, built = _digest(workshop), workshop / "built"
        if not built.exists() or built.read_text() != digest:
            built.unlink(missing_ok=True)
            _run_build(workshop)
            built.write_text(digest)
        _copy_sources(workshop, into)
        link_tree(workshop / ".web", into / ".web", without=("node_modules",))
    return Build(root=into)


@contextmanager
def _workshop() -> Generator[Path]:
    """The one place on this machine where pages are built, for one session at a time."""
    workshop = Path(tempfile.gettempdir()) / f"chatapp-test-build-{os.getuid()}"
    workshop.mkdir(mode=0o700, exist_ok=True)
    assert workshop.stat().st_uid == os.getuid(), f"{workshop} is somebody else's"
    with (workshop / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield workshop


def _files(root: Path, names: Iterable[str] = SOURCES) -> Generator[Path]:
    for name in names:
        path = root / name
        found = [path] if path.is_file() else path.rglob("*")
        yield from (one for one in found if one.is_file() and "__pycache__" not in one.parts)


def _digest(root: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_files(root)):
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _copy_sources(source: Path, target: Path) -> None:
    for name in SOURCES:
        shutil.rmtree(target / name, ignore_errors=True)
    for path in _files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


def _run_build(workshop: Path) -> None:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env = {**inherited, "CHATAPP_DATA_DIR": str(workshop / "data"), "LOCAL_MODEL": "off"}
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    done = subprocess.run(
        command, cwd=workshop, env=env, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )
    page = workshop / ".web/build/client/index.html"
    built = done.returncode == 0 and page.exists()
    assert built, f"the build failed:\n{(done.stdout + done.stderr)[-4000:]}"


def link_tree(source: Path, target: Path, without: tuple[str, ...] = ()) -> None:
    shutil.copytree(
        source, target, copy_function=_link, ignore=shutil.ignore_patterns(*without), symlinks=True
    )


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        build_app(Path(folder) / "build")
