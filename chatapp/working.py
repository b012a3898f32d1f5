"""`python -m chatapp worker`: a process that only makes replies. It loads neither the page nor the API."""

import asyncio
import json
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from socketserver import ThreadingMixIn
from typing import Any, Final
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvloop
from typing_extensions import override

from chatapp.domain.health import Report
from chatapp.opening import open_engine, spare_collections
from chatapp.settings import Settings
from chatapp.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
#: Another site can give its own name this machine's address: only who asks by one of these is answered.
HERE: Final = frozenset({"localhost", HOST})
#: An answer comes within 5 s, whatever hangs.
PATIENCE: Final = timedelta(seconds=4)


def work(settings: Settings, *, concurrency: int | None, name: str, port: int) -> None:
    """Makes replies until SIGTERM or SIGINT, then hands over what it was making.

    With a port it tells this machine how it is: `/live`, `/ready`, `/metrics`.
    """
    changes = {"max_concurrent_streams": concurrency} if concurrency else {}
    uvloop.run(_work(settings.model_copy(update=changes), name, port))


async def _work(settings: Settings, name: str, port: int) -> None:
    loop, stopped, metrics = asyncio.get_running_loop(), asyncio.Event(), Metrics()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with open_engine(settings, metrics, dedicated=True, name=name) as engine:
        spare_collections()
        with _telling(loop, port, engine.health().report, metrics):
            await stopped.wait()
            log.info("handing over")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds."""


@contextmanager
def _telling(
    loop: asyncio.AbstractEventLoop, port: int, report: Callable[[], Awaitable[Report]], metrics: Metrics
) -> Generator[None]:
    """Answers in a thread of its own, so that a loop that hangs is told as well."""
    if not port:
        yield
        return

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        kind = "application/json"
        match environ["PATH_INFO"] if urlsplit(f"//{environ.get('HTTP_HOST')}").hostname in HERE else "":
            case "/live":
                status, body = _asked(loop, _alive)
            case "/ready":
                status, body = _asked(loop, report)
            case "/metrics":
                status, (body, kind) = "200 OK", metrics.exposition(environ.get("HTTP_ACCEPT", ""))
            case _:
                status, body = "404 Not Found", b"{}"
        start(status, [("Content-Type", kind), ("Cache-Control", "no-store")])
        return [body]

    with make_server(HOST, port, answer, _Server, _Quiet) as server:
        threading.Thread(target=server.serve_forever, name="told", daemon=True).start()
        yield
        server.shutdown()


async def _alive() -> Report:
    return Report(checks={})


def _asked(loop: asyncio.AbstractEventLoop, probe: Callable[[], Awaitable[Report]]) -> tuple[str, bytes]:
    """What the loop answers to a thread; that it does not is an answer too."""

    async def ask() -> Report:
        return await probe()

    try:
        told = asyncio.run_coroutine_threadsafe(ask(), loop).result(PATIENCE.total_seconds())
    except Exception:
        told = Report(checks={"worker": "no answer"})
    status = {"status": "healthy" if told.good else "unhealthy"}
    body = json.dumps(status | asdict(told)).encode()
    return "200 OK" if told.good else "503 Service Unavailable", body
