"""`python -m bench.tabs`: how long it takes until all tabs are live again after a restart of the app.

Each tab shows a conversation of its own account; the server is killed and started, and they all come back
within 2 s, as browsers do. Waits are those of one tab, from its first try to its filled page.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp

from bench.history import fill
from bench.run import COOKIE, connect_all, cpu_seconds
from bench.stage import SECRET_KEY, staged
from bench.user import User
from chatapp.services.cookies import LoginCookies
from tests.app_build import build_app
from tests.app_server import AppServer

#: Seconds within which all are there; what a browser adds to its tries keeps them apart.
SPREAD_S: Final = 2.0


def main() -> None:
    """Reads the command line, restarts, prints a line."""
    parser = argparse.ArgumentParser(prog="python -m bench.tabs", description=__doc__)
    parser.add_argument("--tabs", "-k", type=int, default=500)
    parser.add_argument("--history", type=int, default=20, help="messages of each conversation")
    parser.add_argument("--web", type=int, default=1, help="web processes")
    parser.add_argument("--workers", type=int, default=0, help="workers; 0: the web processes do their work")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(_restarted(arguments, Path(place)))


async def _restarted(arguments: argparse.Namespace, place: Path) -> None:
    build = build_app(place / "app")
    cookies = LoginCookies(secret_key=SECRET_KEY, ttl=timedelta(days=1))
    logins = [(f"{COOKIE}={cookies.make()}", f"bench{number}") for number in range(arguments.tabs)]
    with staged(build, place, "http://127.0.0.1:9/v1", web=arguments.web, workers=arguments.workers) as stage:
        await fill(stage.database_url, arguments.history, logins, cookies)
        await asyncio.to_thread(stage.start)
        urls = [server.url for server in stage.servers]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            tabs = _tabs(urls, logins)
            await connect_all(tabs, http)
            await asyncio.to_thread(_restart, stage.servers)
            for tab in tabs:
                await tab.close()
            cpu, began = cpu_seconds(stage.pids()), time.monotonic()
            waits = sorted(await asyncio.gather(*(_back(tab, http) for tab in _tabs(urls, logins))))
            seconds = time.monotonic() - began
            cpu = cpu_seconds(stage.pids()) - cpu
    print(
        f"tabs {arguments.tabs} history {arguments.history} | all live after {seconds:.1f} s | "
        f"wait p50 {waits[len(waits) // 2]:.2f} p95 {quantiles(waits, n=20)[-1]:.2f} max {waits[-1]:.2f} s | "
        f"CPU {1000 * cpu / arguments.tabs:.1f} ms a tab"
    )


def _tabs(urls: Sequence[str], logins: Sequence[tuple[str, str]]) -> list[User]:
    return [
        User(url=urls[number % len(urls)], cookie=cookie, conversation_id=conversation_id, message="")
        for number, (cookie, conversation_id) in enumerate(logins)
    ]


def _restart(servers: Sequence[AppServer]) -> None:
    for server in servers:
        server.kill()
    for server in servers:
        server.start(wait=False)
    for server in servers:
        server.wait_until_ready()


async def _back(tab: User, http: aiohttp.ClientSession) -> float:
    await asyncio.sleep(random.uniform(0, SPREAD_S))
    began = time.monotonic()
    await tab.connect(http)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
