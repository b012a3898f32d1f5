"""Which page this is: a page that was loaded before an update notices that its server is another one now."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from chatapp.settings import PROJECT_ROOT

#: What the page is made of, as far as building it does not change it.
_SOURCES: Final = ("chatapp/ui", "assets", "rxconfig.py")


@cache
def build_id(root: Path = PROJECT_ROOT) -> str:
    """The same for the same sources, on every machine."""
    digest = hashlib.sha256(version("reflex").encode())
    for source in _SOURCES:
        path = root / source
        for file in sorted([path] if path.is_file() else path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]
