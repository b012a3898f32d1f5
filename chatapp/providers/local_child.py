"""The child process with the local model: a llama.cpp server on a random loopback port.

Started by `local_server.py` as a script, so it imports nothing of chatapp. It reads one line of JSON
(`weights`, `key`, `context_tokens`, `slots`, `threads`, `parent`), answers with one (`{"url": ...}`), and
lives until its standard input ends, which it does when the parent dies. Linux kills it even while it loads.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this was set
        os._exit(1)


def main() -> None:
    """Serves until the parent is gone."""
    order = json.loads(sys.stdin.readline())
    _die_with(order["parent"])
    # Compiled without types. It takes a second to load, and this process has its life to secure first.
    xllamacpp: Any = importlib.import_module("xllamacpp")

    params = xllamacpp.CommonParams()
    params.model.path = order["weights"]
    params.n_ctx = order["context_tokens"] * order["slots"]
    params.n_parallel = order["slots"]
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    params.api_keys = [order["key"]]
    params.port = 0
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.verbosity = -1
    # Prompts of earlier turns: 23 KB a token, so this holds two windows. The library's default is 8 GB.
    params.cache_ram_mib = 96
    server = xllamacpp.Server(params)
    sys.stdout.write(json.dumps({"url": server.listening_address}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
