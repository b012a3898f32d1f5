"""Notices reach the other processes, and who may have missed one is told so: whatever happens to Redis."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from time import monotonic

import pytest

from chatapp.domain.events import Chunk
from chatapp.streams import redis
from chatapp.streams.base import Notice, Progress, Queued, TreeChanged
from chatapp.streams.bundles import MAX_NOTICE_BYTES, MAX_WAITING_BYTES, Outbox
from chatapp.streams.connecting import connect
from chatapp.streams.redis import RedisBroadcast
from chatapp.telemetry.metrics import Metrics
from tests.drawn import logged
from tests.redis import RedisServer
from tests.streams.carried import Ear, carried
from tests.tcp_proxy import Proxy
from tests.telemetry.told import told
from tests.waiting import until


def place(number: int) -> Queued:
    return Queued(message_id="m", position=number)


def words(count: int) -> Progress:
    return Progress(run_id="r", message_id="m", records=tuple(logged([Chunk(content="x" * count)])))


async def test_what_one_process_says_the_others_hear_once(redis_server: RedisServer):
    """In order, and only who listens to it; its own listeners were told at once and not again."""
    async with carried(redis_server) as one, carried(redis_server) as two, carried(redis_server) as three:
        ears = [Ear(each, "t") for each in (one, two, three)]
        other = Ear(two, "other")
        said: list[Notice] = [place(number) for number in range(500)]
        for notice in said:
            one.publish("t", notice)
        two.publish("t", TreeChanged())
        await until(lambda: all(len(ear.notices) == 501 for ear in ears))
        for ear in ears:
            assert [one for one in ear.notices if one != TreeChanged()] == said
        assert other.notices == []
        assert redis_server.command("DBSIZE") == 0


async def test_what_is_said_in_one_step_is_one_command(redis_server: RedisServer):
    """However many runs the step was for."""
    metrics = Metrics()
    async with carried(redis_server, metrics=metrics) as one, carried(redis_server) as two:
        ear = Ear(two, "t")

        def bundles() -> float:
            return told(metrics.exposition("")[0])["chatapp_notice_bundles_total"][()]

        began, before = monotonic(), bundles()
        for number in range(1_000):
            one.publish("t", place(number))
        await until(lambda: len(ear.notices) == 1_000)
        # Beats go on meanwhile.
        assert bundles() - before <= 2 + (monotonic() - began) / 0.5


async def test_installations_do_not_hear_each_other(redis_server: RedisServer):
    """Two of them may share a Redis: conversation 5 of one is nobody's business in the other."""
    async with carried(redis_server) as one, carried(redis_server, channel="chatapp:elsewhere") as two:
        stranger, ear = Ear(two, "t"), Ear(one, "t")
        async with carried(redis_server) as third:
            third.publish("t", TreeChanged())
            await until(lambda: ear.notices)
            two.publish("t", place(1))
            await until(lambda: stranger.notices)
        assert stranger.notices == [place(1)]
        assert ear.notices == [TreeChanged()]


@pytest.mark.parametrize("fault", ["killed", "paused"])
async def test_while_redis_is_away_listeners_are_told_each_second(redis_server: RedisServer, fault: str):
    """Within two seconds, on every topic, and once more when it is back; then notices come again."""
    async with carried(redis_server) as one, carried(redis_server) as two:
        ear, at = Ear(two, "t"), list[float]()
        two.listen("quiet", lambda _: at.append(monotonic()))
        began = monotonic()
        redis_server.kill() if fault == "killed" else redis_server.pause()
        await until(lambda: len(at) >= 4)
        assert not two.is_there
        # A machine that is busy is late, but it is late for all of this.
        assert at[0] - began < 4
        assert all(later - earlier < 3 for earlier, later in pairwise(at))
        one.publish("t", place(1))
        redis_server.start() if fault == "killed" else redis_server.resume()
        missed = ear.missed
        await until(lambda: one.is_there and two.is_there)
        one.publish("t", place(2))
        await until(lambda: place(2) in ear.notices)
        assert ear.missed > missed


async def test_nothing_is_missed_for_ever(redis_server: RedisServer):
    """After whatever happened, each notice was heard or a `Missed` was told after it was said."""
    async with carried(redis_server) as one, carried(redis_server) as two:
        ear, said = Ear(two, "t"), 0
        for fault in ("FLUSHALL", "CLIENT KILL TYPE pubsub", "CLIENT KILL TYPE normal", "restart"):
            for _ in range(20):
                said += 1
                one.publish("t", place(said))
                await asyncio.sleep(0.002)
                if _ == 10 and fault == "restart":
                    redis_server.kill()
                    redis_server.start()
                elif _ == 10:
                    redis_server.command(*fault.split())
            last, missed = said, ear.missed
            await until(lambda last=last, missed=missed: place(last) in ear.notices or ear.missed > missed)
        heard = [one.position for one in ear.notices if isinstance(one, Queued)]
        assert heard == sorted(set(heard))
        assert len(heard) == said or ear.missed


async def test_a_full_redis_carries_notices(redis_server: RedisServer):
    """They take no memory there."""
    async with carried(redis_server) as one, carried(redis_server) as two:
        ear = Ear(two, "t")
        redis_server.command("CONFIG", "SET", "maxmemory", "1mb")
        one.publish("t", place(1))
        await until(lambda: ear.notices)
        assert one.is_there


async def test_who_is_cut_off_alone_is_noticed_by_the_others(redis_server: RedisServer):
    """They are told each second for as long as they do not hear it, though their own Redis answers."""
    async with (
        Proxy(redis_server.port) as proxy,
        carried(redis_server) as two,
        carried(redis_server, url=f"redis://127.0.0.1:{proxy.port}/0") as one,
    ):
        ear = Ear(two, "t")
        one.publish("t", place(1))
        await until(lambda: ear.notices)
        proxy.silence()
        one.publish("t", place(2))
        missed = ear.missed
        await until(lambda: ear.missed >= missed + 3)
        assert two.is_there
        proxy.heal()
        await until(lambda: one.is_there)
        one.publish("t", place(3))
        await until(lambda: place(3) in ear.notices)


async def test_who_is_known_to_live_is_waited_for(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    """However long it is cut off, and whether or not it was ever heard; who is not expected is forgotten."""
    monkeypatch.setattr(redis, "LONG_SILENCE", timedelta(seconds=2.6))
    monkeypatch.setattr(redis, "FORGOTTEN", timedelta(seconds=2.7))
    async with carried(redis_server) as two:
        ear, began = Ear(two, "t"), monotonic()
        two.expect(["never heard"])
        await until(lambda: ear.missed >= 4)
        assert monotonic() - began > 2.7
        two.expect([])
        await asyncio.sleep(redis.LOOK.total_seconds())
        missed = ear.missed
        with pytest.raises(TimeoutError):
            await until(lambda: ear.missed > missed, seconds=2)


async def test_who_is_heard_alarms_nobody(redis_server: RedisServer):
    """That it is expected changes nothing; nor does that one expects oneself."""
    async with carried(redis_server, name="one"), carried(redis_server, name="two") as two:
        ear = Ear(two, "t")
        two.expect(["one", "two"])
        with pytest.raises(TimeoutError):
            await until(lambda: ear.missed, seconds=3.5)


async def test_it_ends_whenever_it_is_told_to(redis_server: RedisServer):
    """At whatever moment of connecting and subscribing: a client that sends just then swallows that it is
    cancelled (`asyncio.wait_for` before Python 3.12)."""

    async def ends(after: int) -> bool:
        client = connect(redis_server.url)
        running = asyncio.create_task(RedisBroadcast(client, channel="c").run())
        for _ in range(after):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running], timeout=10)
        ended = running.done()
        while not running.done():
            running.cancel()
            await asyncio.sleep(0)
        await client.aclose()
        return ended

    assert all([await one for one in [asyncio.create_task(ends(after)) for after in range(30)]])


async def test_who_says_goodbye_is_not_waited_for(redis_server: RedisServer):
    """A process that ends well, as at each update, alarms nobody; what it said last is heard."""
    async with carried(redis_server) as two:
        ear = Ear(two, "t")
        async with carried(redis_server) as one:
            one.publish("t", place(1))
        await until(lambda: ear.notices)
        # As long as a silence takes to be noticed, and more.
        with pytest.raises(TimeoutError):
            await until(lambda: ear.missed, seconds=3.5)


async def test_a_huge_notice_is_a_missed_one(redis_server: RedisServer):
    """Its listeners read the database; those of other topics are left alone."""
    async with carried(redis_server) as one, carried(redis_server) as two:
        ear, other = Ear(two, "t"), Ear(two, "other")
        one.publish("t", words(MAX_NOTICE_BYTES))
        await until(lambda: ear.missed)
        assert ear.notices == []
        assert other.missed == 0


async def test_a_wrong_password_is_a_redis_that_is_not_there(redis_server: RedisServer):
    """The app serves all the same, and goes on trying."""
    redis_server.command("CONFIG", "SET", "requirepass", "right")
    client = connect(f"redis://:wrong@{redis_server.address}/0")
    broadcast = RedisBroadcast(client, channel="c")
    ear = Ear(broadcast, "t")
    running = asyncio.create_task(broadcast.run())
    await until(lambda: ear.missed >= 2)
    assert not running.done()
    assert not broadcast.is_there
    redis_server.kill()
    running.cancel()
    await asyncio.wait([running])
    await client.aclose()


def test_what_waits_is_bounded():
    """A worker does not run out of memory because nobody takes what it says; what was lost is said."""
    outbox, notice = Outbox("me"), words(MAX_NOTICE_BYTES // 2)
    for _ in range(200):
        outbox.put("t", notice)
    bundle = outbox.take()
    assert bundle.lost
    assert sum(len(bytes(data)) for _, data in bundle.notices) <= MAX_WAITING_BYTES
    assert not outbox.take().lost


def test_the_last_bundle_may_be_lost_too():
    """Who could not be heard says so with the next one."""
    outbox = Outbox("me")
    outbox.take()
    outbox.lose()
    assert outbox.take().lost
