"""`python -m chatapp worker` as a process of its own."""

from pathlib import Path

from typing_extensions import override

from tests.app_build import Build
from tests.app_server import AppServer


class WorkerProcess(AppServer):
    """Started, killed, frozen and asked as the app's server is."""

    def __init__(self, folder: Path, name: str, *, cold: bool = False, **env: str) -> None:
        super().__init__(Build(root=folder), data_dir=folder / "data", env=env, cold=cold)
        self.name = name

    @property
    @override
    def command(self) -> list[str]:
        """As docs/scaling.md has it."""
        options = ["--concurrency", "50", "--name", self.name, "--port", str(self.port)]
        return ["chatapp", "worker", *options]

    @property
    @override
    def ready_path(self) -> str:
        return "/ready"

    @override
    def _prepare_page(self) -> None:
        """There is none."""
