"""The examples in docs/clients.md do what the page says, as they stand there, with the running app."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from playwright.async_api import Browser

from tests.app_build import INHERITED, PROJECT
from tests.app_server import AppServer
from tests.needs import require
from tests.upstream import text
from tests.waiting import until

PAGE: Final = PROJECT / "docs" / "clients.md"
#: What the tests' model answers to whatever it is asked.
REPLY: Final = text(100)
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: How it is run, and how often its output has the whole reply.
EXAMPLES: Final = {"Python, httpx": 1, "Python, websockets": 2, "Python, the openai SDK": 2}


def examples() -> Iterator[tuple[str, str, str]]:
    """Under which heading, in which language, what."""
    heading = ""
    for part in re.split(r"^#+ (.*)$", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        if "\n" not in part:
            heading = part
        else:
            yield from ((heading, language, code) for language, code in BLOCK.findall(part))


def example(wanted: str) -> tuple[str, str]:
    """The one example under this heading."""
    [found] = [(language, code) for heading, language, code in examples() if heading == wanted]
    return found


async def output(server: AppServer, language: str, code: str, key: str = "") -> str:
    """What it writes; it must succeed, and write no complaints."""
    command = ["bash", "-euc", code] if language == "sh" else [sys.executable, "-W", "error", "-c", code]
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env |= {"CHATAPP_URL": f"http://127.0.0.1:{server.port}", "CHATAPP_KEY": key, "NO_PROXY": "*"}
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=PIPE)
    out, error = await asyncio.wait_for(process.communicate(), timeout=50)
    assert (process.returncode, error.decode()) == (0, ""), error.decode()
    return out.decode()


async def token(server: AppServer) -> str:
    """As the page says that one gets it."""
    require("curl")
    [(language, code)] = [
        (language, code) for heading, language, code in examples() if heading.startswith("Programs")
    ]
    return str(json.loads(await output(server, language, code))["token"])


async def test_every_example_is_run_here() -> None:
    headings = [heading for heading, _, _ in examples()]
    assert headings == [headings[0], "curl", *EXAMPLES, "A browser, EventSource"]


@pytest.mark.parametrize("heading", EXAMPLES)
async def test_an_example(server: AppServer, heading: str) -> None:
    written = await output(server, *example(heading), await token(server))
    assert written.count(REPLY) == EXAMPLES[heading], written


async def test_the_example_for_the_shell(server: AppServer) -> None:
    """First a whole reply, then one in pieces."""
    written = await output(server, *example("curl"), await token(server))
    whole, end = json.JSONDecoder().raw_decode(written)
    assert whole["response"] == REPLY
    frames = [line.removeprefix("data: ") for line in written[end:].splitlines() if line.startswith("data: ")]
    events = [json.loads(frame) for frame in frames]
    assert (events[0]["type"], events[-1]["type"]) == ("session", "done")
    assert "".join(one["content"] for one in events if one["type"] == "chunk") == REPLY


async def test_the_example_that_comes_back_misses_nothing(mortal: AppServer) -> None:
    """The server is killed in the middle of the reply, and started again."""
    language, code = example("Python, httpx")
    code = code.replace("What is an append-only log?", "[n:200 r:50]")
    assert "[n:200 r:50]" in code
    key = await token(mortal)
    running = asyncio.create_task(output(mortal, language, code, key))
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:

        async def streams() -> bool:
            answer = await client.get(f"http://127.0.0.1:{mortal.port}/metrics")
            return 'chatapp_streams_open{protocol="sse"} 1.0' in answer.text

        async with asyncio.timeout(30):
            while not await streams():  # noqa: ASYNC110  (a condition of another process)
                await asyncio.sleep(0.05)
    await asyncio.to_thread(mortal.kill)
    await asyncio.to_thread(mortal.start)
    assert await running == text(200)


async def test_the_example_for_browsers(server: AppServer, browser: Browser) -> None:
    _, code = example("A browser, EventSource")
    context = await browser.new_context()
    try:
        page = await context.new_page()
        said = list[str]()
        page.on("console", lambda message: said.append(message.text))
        # Whoever comes for the first time gets their cookie; then any page of the app's own.
        await page.goto(f"{server.url}/api/enter.js")
        await page.goto(f"{server.url}/api")
        await page.evaluate(f"(async () => {{ {code} }})()")
        await until(lambda: said)
        assert said == [REPLY]
    finally:
        await context.close()
