"""One load on one server, measured."""

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bench.history import fill
from bench.reading import shown
from bench.stage import SECRET_KEY, Stage
from bench.user import User, refusal
from chatapp.services.cookies import LoginCookies
from tests.upstream.tokens import text

COOKIE = "chatapp_login"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
FIRST_TOKEN_MS = 200
CONNECTING_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What is asked of the app: `users` at once, a reply of `tokens` at `rate` a second each."""

    users: int
    tokens: int
    rate: float
    history: int
    ramp: float
    web: int = 1
    workers: int = 0


async def measure(load: Load, *, stage: Stage, upstream_url: str) -> dict[str, Any]:
    """Runs the load and returns its figures; times in ms, memory in KB. The users share the web processes."""
    cookies = LoginCookies(secret_key=SECRET_KEY, ttl=timedelta(days=1))
    urls = [server.url for server in stage.servers]
    users = [_user(load, number, urls[number % len(urls)], cookies.make()) for number in range(load.users)]
    if load.history:
        own = [(user.cookie, user.conversation_id) for user in users]
        await fill(stage.database_url, load.history, own, cookies)
    await asyncio.to_thread(stage.start)
    await _warm_up(urls, cookies)
    before_kb = _rss_kb(stage.pids())
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        await connect_all(users, http)
        cpu, engines, began = cpu_seconds(stage.pids()), cpu_seconds(stage.engines()), time.monotonic()
        await _all_send(load, users)
        seconds = time.monotonic() - began
        cpu, engines = cpu_seconds(stage.pids()) - cpu, cpu_seconds(stage.engines()) - engines
        used_kb = _rss_kb(stage.pids()) - before_kb
        await asyncio.gather(*(user.close() for user in users))
        async with http.post(upstream_url.replace("/v1", "/log"), json={"ids": []}) as answer:
            log = await answer.json()
    figures = _figures(load, users, log)
    return (
        asdict(load)
        | figures
        | {
            "cpu_s_per_1k_tokens": cpu / (load.users * load.tokens / 1000),
            "engines_s_per_1k_tokens": engines / (load.users * load.tokens / 1000),
            "cpu_cores": cpu / seconds,
            "kb_per_user": used_kb / load.users,
        }
    )


def _user(load: Load, number: int, url: str, cookie: str) -> User:
    knobs = f"[id:u{number} n:{load.tokens} r:{load.rate:g} t:{FIRST_TOKEN_MS}]"
    return User(
        url=url,
        cookie=f"{COOKIE}={cookie}",
        conversation_id=f"bench{number}",
        message=f"{knobs} How does streaming work?",
    )


async def connect_all(users: Sequence[User], http: aiohttp.ClientSession) -> None:
    """Opens their pages, a few at a time: what it takes when all come at once is `bench.tabs`' question."""
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one(user: User) -> None:
        async with gate:
            await user.connect(http)

    await asyncio.gather(*(one(user) for user in users))


async def _warm_up(urls: Sequence[str], cookies: LoginCookies) -> None:
    """Two short replies at each: imports, statements and connections are made once, at nobody's cost."""
    load = Load(users=1, tokens=20, rate=100, history=0, ramp=0)
    async with aiohttp.ClientSession() as http:
        for number, url in enumerate((*urls, *urls), 1):
            user = _user(load, -number, url, cookies.make())
            await user.connect(http)
            await user.run(delay=0, patience=30)
            assert not user.error, user.error
            await user.close()


async def _all_send(load: Load, users: Sequence[User]) -> None:
    chance = random.Random(load.users)  # the same moments in every run
    patience = 2 * load.tokens / load.rate + 60

    async def one(user: User, delay: float) -> None:
        await user.run(delay=delay, patience=patience)
        if not user.error:
            waiting.append(asyncio.create_task(user.keep_alive()))

    waiting: list[asyncio.Task[None]] = []
    ramp = load.ramp if load.users > 1 else 0.0
    await asyncio.gather(*(one(user, chance.uniform(0, ramp)) for user in users))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def _figures(load: Load, users: Sequence[User], log: dict[str, Any]) -> dict[str, Any]:
    want = text(load.tokens)
    delays: list[float] = []
    submits: list[float] = []
    firsts: list[float] = []
    ratios: list[float] = []
    updates: list[int] = []
    errors: Counter[str] = Counter()
    for number, user in enumerate(users):
        seen, sent = shown(user.frames, load.tokens), log.get(f"u{number}")
        error = user.error or refusal(user.frames) or ("" if seen.text == want else "wrong text")
        if error or sent is None:
            errors[error or "never asked"] += 1
            continue
        delays += [(at - due) / 1e6 for at, due in zip(seen.at_ns, sent["sent_ns"], strict=False)]
        submits.append((sent["request_ns"] - user.sent_ns) / 1e6)
        firsts.append((seen.at_ns[0] - sent["sent_ns"][0]) / 1e6)
        ratios.append(seen.size / len(want.encode()))
        updates.append(seen.updates)
    return {
        "ok": len(users) - errors.total(),
        "errors": dict(errors),
        **_spread("delay", delays),
        **_spread("submit", submits),
        **_spread("first", firsts),
        "bytes_per_byte": statistics.median(ratios) if ratios else float("nan"),
        "updates": statistics.median(updates) if updates else float("nan"),
    }


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [float("nan")]
    return {
        f"{name}_p{percent}_ms": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
        for percent in (50, 95, 99)
    }


def _rss_kb(pids: Sequence[int]) -> float:
    """Resident memory of these processes (Linux)."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes so far (Linux, 10 ms steps)."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_SECOND
