"""The built pages, which every process in production serves beside its sockets."""

from reflex.utils.exec import is_prod_mode
from reflex.utils.prerequisites import get_web_dir
from reflex_base.constants import Dirs
from reflex_base.environment import environment


def serve_built_pages() -> None:
    """To be called while the app is made. With `--backend-only` Reflex leaves the pages to somebody else; but
    their policy has the hashes of their scripts, so they come from whoever makes it. So a further process
    beside the one that built needs this option, a port, and nothing else."""
    if is_prod_mode() and (get_web_dir() / Dirs.STATIC / "index.html").exists():
        environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.set(True)
