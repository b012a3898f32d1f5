"""The local model's child process, seen from its parent."""

import asyncio
import json
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, cast

import aiohttp

from chatapp.domain.errors import NoModel

#: Loading takes half a second from a warm disk; a slow disk with 98 MB to read needs some more.
START_TIMEOUT: Final = timedelta(seconds=60)
STOP_TIMEOUT: Final = timedelta(seconds=2)
#: What a program needs to run. The app's own variables hold keys that are none of the child's business.
PASSED_ON: Final = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "TEMP",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalOptions:
    """`context_tokens` is the window of each of `slots` replies that are made at once."""

    context_tokens: int = 2048
    slots: int = 2
    threads: int = 2


class LocalServer:
    """A running child. `base_url` and `key` are for an OpenAI client."""

    def __init__(self, *, process: asyncio.subprocess.Process, url: str, key: str) -> None:
        self.base_url = f"{url}/v1"
        self.key = key
        self._url = url
        self._process = process
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    async def start(cls, weights: Path, options: LocalOptions) -> Self:
        """Starts a child and waits until it serves.

        Raises:
            NoModel: it could not be started, and why.
        """
        key = secrets.token_urlsafe(24)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # Not the script's own folder on the path: it has an `openai.py`.
            "-P",
            str(Path(__file__).with_name("local_child.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )
        order = {
            "weights": str(weights),
            "key": key,
            "parent": os.getpid(),
            "context_tokens": options.context_tokens,
            "slots": options.slots,
            "threads": options.threads,
        }
        try:
            url = await _introduce(process, order)
        except BaseException:
            await _end(process)
            raise
        return cls(process=process, url=url, key=key)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def died(self) -> int:
        """Returns when the child has ended; its exit code."""
        _, code = await asyncio.gather(_drain(self._process), self._process.wait())
        return code

    async def count_tokens(self, text: str) -> int:
        """Exactly as many as the model will see.

        Raises:
            aiohttp.ClientError: the child does not answer.
        """
        if self._http is None:
            headers = {"Authorization": f"Bearer {self.key}"}
            self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=5))
        body = {"content": text}
        async with self._http.post(f"{self._url}/tokenize", json=body, raise_for_status=True) as answer:
            return len(cast("dict[str, list[int]]", await answer.json())["tokens"])

    async def stop(self) -> None:
        """Ends the child; returns when it is gone."""
        if self._http is not None:
            await self._http.close()
        await _end(self._process)


async def _introduce(process: asyncio.subprocess.Process, order: dict[str, Any]) -> str:
    """Tells the child what to do and returns the address that it answers with."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT.total_seconds()):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            async for line in process.stdout:
                if line.startswith(b'{"url"'):
                    return str(json.loads(line)["url"])
            problem = await _last_line(process)
    except TimeoutError as error:
        raise NoModel("The local model did not start in time.") from error
    except ConnectionError:
        problem = await _last_line(process)
    raise NoModel(f"The local model could not be started: {problem}")


async def _last_line(process: asyncio.subprocess.Process) -> str:
    """What the child said before it ended, or how it ended (-4: this processor lacks an instruction)."""
    assert process.stderr is not None
    lines = (await process.stderr.read()).decode("utf-8", "replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:300] if said else f"exit code {await process.wait()}"


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Reads what the child says: a full pipe would stop it."""
    assert process.stdout is not None
    assert process.stderr is not None
    await asyncio.gather(*(_exhaust(stream) for stream in (process.stdout, process.stderr)))


async def _exhaust(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT.total_seconds()):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
