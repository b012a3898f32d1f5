"""A disk that can be full: a folder with a file system of its own in it. Mounting is for root alone."""

import errno
import os
import subprocess
from pathlib import Path
from typing import Final

_PIECE: Final = bytes(1 << 16)


class SmallDisk:
    """So many megabytes at `folder`, which is empty in the beginning and belongs to `owner`."""

    def __init__(self, folder: Path, *, megabytes: int, owner: int = 0) -> None:
        self.folder = folder
        self._filler = folder / "somebody-elses-file"
        folder.mkdir()
        options = f"size={megabytes}m,mode=0700,uid={owner}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"a disk that can be full needs the right to mount one: {done.stderr}"

    def fill(self) -> None:
        """Not a byte is left."""
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(_PIECE)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """There is room again."""
        self._filler.unlink(missing_ok=True)


def unmounted(folder: Path) -> None:
    """Nothing is mounted in this folder any more."""
    for entry in folder.iterdir():
        if entry.is_dir() and os.path.ismount(entry):
            subprocess.run(["umount", "--lazy", str(entry)], check=True)
