"""The clock on a process's wall, which can be set while it runs; its steady clock goes on."""

from pathlib import Path
from typing import Final

#: Of Debian's package `libfaketime`, for whichever processor.
LIBRARIES: Final = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Clock:
    """`environment` makes a process read this clock."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/").glob(LIBRARIES.lstrip("/")))
        assert found, "needs faketime: apt-get install faketime"
        self._library = found[0]
        self._file = folder / "clock"
        self.set(hours=0)

    @property
    def environment(self) -> dict[str, str]:
        """To be added to the process's own."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # A jump is seen after a second: with each look at the file a process has time for little else.
            "FAKETIME_CACHE_DURATION": "1",
            # Whoever sets a clock does not turn back the time since the machine's start.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, *, hours: float) -> None:
        """Jumps to so far from the true time."""
        (new := self._file.with_suffix(".new")).write_text(f"{hours * 3600:+.0f}\n")
        new.replace(self._file)
