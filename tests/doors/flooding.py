"""`python -m tests.doors.flooding URL COOKIE...`: a hostile client, in a process of its own.

It does all that costs it little, until it is ended: events without end on each of its logins, calls of the
API, and handshakes that are refused. It says a word when it was cut off. It gives way to others on this
machine, since in the world it is on another one.
"""

import asyncio
import os
import sys
from contextlib import suppress

import httpx

from tests.doors.house import CHAT
from tests.wire import Tab
from tests.wire.packets import event, reflex_event

FRAME = event("event", reflex_event(f"{CHAT}.dismiss"))


async def events(url: str, cookie: str) -> None:
    while True:
        with suppress(Exception):
            async with Tab.opened(url, cookie=cookie) as tab:
                await tab.join()
                while True:
                    await tab.send_frame(FRAME)
        print("cut", flush=True)
        await asyncio.sleep(0.02)


async def calls(url: str, cookie: str) -> None:
    headers = {"Cookie": cookie, "Host": url.removeprefix("http://")}
    async with httpx.AsyncClient(base_url=url.replace("localhost", "127.0.0.1"), trust_env=False) as client:
        while True:
            with suppress(httpx.HTTPError):
                await client.get("/api/nothing", headers=headers)


async def handshakes(url: str) -> None:
    while True:
        with suppress(Exception):
            async with Tab.opened(url, cookie="chatapp_login=made-up"):
                pass


async def main(url: str, *cookies: str) -> None:
    os.nice(19)
    work = [*(events(url, one) for one in cookies), calls(url, cookies[0]), calls(url, ""), handshakes(url)]
    await asyncio.gather(*work)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
