"""Workers as processes of their own, killed, frozen, ended: another goes on; nothing is lost or doubled."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from time import monotonic

import pytest

from chatapp.domain.messages import Message, Status
from chatapp.domain.runs import Turn
from tests.chaos.worker_process import WorkerProcess
from tests.chat import Chat, Follower, Opening, rows
from tests.redis import RedisServer
from tests.upstream import Upstream, text
from tests.waiting import until

TOKENS = 300
#: A reply is whole so soon after its worker died, with a lease of 10 s. Here it is 3 s; machines are busy.
PATIENCE = 25.0
MAX_RSS_BYTES = 150_000_000


class Crew:
    """A page's process that makes no replies, in this one, and workers."""

    def __init__(self, chat: Chat, start: Callable[[str], WorkerProcess]) -> None:
        self.chat = chat
        self._start = start
        self.workers: list[WorkerProcess] = []

    async def start(self, *names: str) -> None:
        """All of them make replies when this returns."""
        new = [self._start(name) for name in names]
        self.workers += new
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in new))

    async def send(self, said: str, *, to: str | None = None) -> tuple[Turn, Follower]:
        """With a reader as the page is one."""
        turn = await self.chat.send(said, to=to)
        return turn, await Follower(self.chat, turn).open()

    async def has(self, follower: Follower, tokens: int) -> None:
        await until(lambda: len(follower.shown[-1]) >= len(text(tokens)), seconds=PATIENCE)

    def maker_of(self, turn: Turn) -> WorkerProcess:
        """The worker that makes its reply."""
        query = "SELECT worker FROM runs WHERE id = ?"
        [(lease,)] = rows(self.chat.services.settings, query, turn.run_id)
        return next(one for one in self.workers if lease.startswith(f"{one.name}-"))

    async def whole(self, turn: Turn, follower: Follower, tokens: int = TOKENS) -> Message:
        """Its reply, after a check that it is upstream's, and that what was shown was that and only grew."""
        await until(lambda: follower.ended, seconds=PATIENCE)
        message = await self.chat.reply(turn)
        assert (message.status, message.text) == (Status.COMPLETE, text(tokens))
        lengths = [len(shown) for shown in follower.shown]
        assert lengths == sorted(lengths)
        assert all(text(tokens).startswith(shown) for shown in follower.shown)
        return message

    def attempts(self, turn: Turn) -> int:
        """How often the run was claimed."""
        [(attempt,)] = rows(self.chat.services.settings, "SELECT attempt FROM runs WHERE id = ?", turn.run_id)
        return attempt


@pytest.fixture
def lease_ttl() -> str:
    return "3"


@pytest.fixture
def cold() -> bool:
    """Whether workers load all that they need, and nothing else, themselves."""
    return False


@pytest.fixture
async def crew(
    opening: Opening,
    redis_server: RedisServer,
    upstream: Upstream,
    tmp_path: Path,
    lease_ttl: str,
    cold: bool,
) -> AsyncGenerator[Crew]:
    """No worker runs yet."""
    shared = {
        "REDIS_URL": redis_server.address,
        "DATABASE_URL": f"sqlite:///{tmp_path}/data/chatapp.db",
        "LEASE_TTL": lease_ttl,
        "MAX_STREAMS_PER_USER": "4",
    }

    def start(name: str) -> WorkerProcess:
        (tmp_path / name).mkdir()
        told = {"OPENAI_BASE_URL": upstream.base_url, **shared}
        return WorkerProcess(tmp_path / name, name, cold=cold, **told)

    async with opening(WORKER="external", **shared) as chat:
        crew = Crew(chat, start)
        try:
            yield crew
        finally:
            for one in crew.workers:
                if one.was_started:
                    await asyncio.to_thread(one.stop)


async def test_a_killed_workers_replies_are_gone_on_with(crew: Crew) -> None:
    """kill -9 in mid-reply, of one and then of the one that took over: each reply is there once, whole, in
    the time that is promised."""
    await crew.start("ann", "ben", "cat")
    turn, follower = await crew.send("[n:300 r:40 cont:restart]")
    other, other_follower = await crew.send("[n:300 r:60]")
    await crew.has(follower, 20)
    for _ in range(2):
        maker = crew.maker_of(turn)
        before = len(follower.shown[-1])
        maker.kill()
        killed_at = monotonic()
        await until(lambda at=before: len(follower.shown[-1]) > at + 50, seconds=PATIENCE)
        assert monotonic() - killed_at < PATIENCE
    for one, reader in ((turn, follower), (other, other_follower)):
        await crew.whole(one, reader)
    assert crew.attempts(turn) >= 3


async def test_a_frozen_worker_can_change_nothing_when_it_wakes_up(crew: Crew, upstream: Upstream) -> None:
    """SIGSTOP for longer than its lease: another worker makes the reply, and what the first one still has to
    say is refused. Then it works on, under another name."""
    await crew.start("ann", "ben")
    turn, follower = await crew.send("[n:300 r:2000 fault:hang at:100 tries:1]")
    await crew.has(follower, 100)
    frozen, lease = crew.maker_of(turn), rows(crew.chat.services.settings, "SELECT worker FROM runs")[0][0]
    frozen.pause()
    await crew.whole(turn, follower)
    frozen.resume()
    names = "SELECT name FROM workers"

    def registered_anew() -> bool:
        found = [name for (name,) in rows(crew.chat.services.settings, names)]
        return len(found) == 2 and lease not in found

    await until(registered_anew, seconds=PATIENCE)
    await crew.whole(turn, follower)
    assert len(upstream.requests) == 2
    again = [await crew.send("[n:300]") for _ in range(4)]
    for one, reader in again:
        await crew.whole(one, reader)


@pytest.mark.parametrize("lease_ttl", ["120"])
async def test_sigterm_hands_over_at_once(crew: Crew) -> None:
    """Whatever the lease: the others are told, and the worker ends within 10 s with exit code 0."""
    await crew.start("ann", "ben")
    turns = [await crew.send(f"{number} [n:300 r:60]") for number in range(4)]
    for _, follower in turns:
        await crew.has(follower, 5)
    leaving = crew.maker_of(turns[0][0])
    began = monotonic()
    assert await asyncio.to_thread(leaving.terminate) == 0
    assert monotonic() - began < 10
    for turn, follower in turns:
        await crew.whole(turn, follower)
    report = await crew.chat.services.health.report()
    assert report.checks["worker"] is True
    assert leaving.name not in report.details["worker"]


async def test_a_run_that_kills_every_worker_is_given_up_in_sight(crew: Crew, upstream: Upstream) -> None:
    """Three workers died over it without a word: the fourth says so, and admins find it in their log."""
    turn, follower = None, None
    for delivery, name in enumerate(("ann", "ben", "cat"), 1):
        await crew.start(name)
        if turn is None:
            turn, follower = await crew.send("[t:60000]")
        await until(lambda n=delivery: len(upstream.requests) == n, seconds=PATIENCE)
        crew.maker_of(turn).kill()
    assert turn is not None
    assert follower is not None
    await crew.start("dan")
    await until(lambda: follower.ended, seconds=PATIENCE)
    reply = await crew.chat.reply(turn)
    assert reply.status is Status.INTERRUPTED
    assert reply.failure is not None
    assert len(upstream.requests) == 3
    log = rows(crew.chat.services.settings, "SELECT kind, detail FROM security_events")
    assert log == [("run_given_up", turn.run_id)]
    after, reader = await crew.send("[n:300]")
    await crew.whole(after, reader)


@pytest.mark.parametrize("cold", [True])
async def test_a_worker_is_small_and_limits_hold_among_all(crew: Crew, upstream: Upstream) -> None:
    """Neither the page nor the API is loaded. However many workers there are, one person has so many replies
    made at once, in a conversation one after another; and each worker tells of itself."""
    await crew.start("ann", "ben")
    turns = [await crew.send(f"{number} [n:300 r:300]") for number in range(8)]
    turns += [await crew.send(f"{name} [n:300 r:2000]", to="same") for name in "xyz"]
    most = 0

    def all_asked() -> bool:
        nonlocal most
        most = max(most, upstream.open_streams)
        return len(upstream.requests) == len(turns)

    await until(all_asked, seconds=2 * PATIENCE)
    for turn, follower in turns:
        await crew.whole(turn, follower)
        assert crew.attempts(turn) == 1
    assert 1 < most <= 4
    asked = [one.body["messages"][-1]["content"][0] for one in upstream.requests]
    assert [name for name in asked if name in "xyz"] == ["x", "y", "z"]
    for one in crew.workers:
        assert one.rss_bytes() < MAX_RSS_BYTES
        report = json.loads(one.get("/ready").body)
        assert report["status"] == "healthy"
        assert "ann-" in report["details"]["worker"]
        assert "ben-" in report["details"]["worker"]
        assert b"chatapp_runs_total" in one.get("/metrics").body
        assert one.get("/metrics", Host="evil.example").status == 404
