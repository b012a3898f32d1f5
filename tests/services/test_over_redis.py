"""A reader in one process and the worker in another, and what becomes of it when Redis is not there."""

import socket
from time import monotonic

import pytest

from tests.chat import Chat, Follower, Opening
from tests.over_redis import web, worker
from tests.reader import Reader
from tests.redis import RedisServer
from tests.upstream import text
from tests.waiting import until

__all__ = ["web", "worker"]


async def test_a_reply_is_read_where_it_is_not_made(worker: Chat, web: Chat):
    """Every record once and in order, and by notices: in more pieces than the seconds that it took."""
    turn = await web.send("[n:300 r:100]")
    reader, beside = Reader(web, turn), Reader(worker, turn)
    await reader.ended()
    await beside.ended()
    assert reader.text == beside.text == text(300)
    assert reader.records == beside.records
    assert len(reader.at) > 20


@pytest.mark.parametrize("fault", ["killed", "paused"])
async def test_without_redis_a_reply_is_live_all_the_same(
    worker: Chat, web: Chat, redis_server: RedisServer, fault: str
):
    """Each second, from the database; when Redis is back, all of it is there, once."""
    turn = await web.send("[n:900 r:100]")
    reader = Reader(web, turn)
    await until(lambda: reader.text)
    began = monotonic()
    redis_server.kill() if fault == "killed" else redis_server.pause()
    await until(lambda: monotonic() - began > 5)
    before_return = monotonic()
    redis_server.start() if fault == "killed" else redis_server.resume()
    await reader.ended()
    assert reader.text == text(900)
    # At most a silence of 1.5 s and a second until it is read, and what a busy machine adds.
    assert reader.longest_gap(began, before_return) < 5
    assert len([at for at in reader.at if began < at < before_return]) >= 2


async def test_what_is_sent_without_redis_is_made(worker: Chat, web: Chat, redis_server: RedisServer):
    """The worker finds it in the database; a stop too."""
    redis_server.kill()
    turn = await web.send("[n:2000 r:50]")
    reader = Reader(web, turn)
    await until(lambda: reader.text)
    await web.stop(turn)
    await reader.ended()
    assert 0 < len(reader.text) < len(text(2000))


async def test_a_worker_that_never_had_redis_is_heard_all_the_same(
    opening: Opening, redis_server: RedisServer
):
    """Its line was broken before it began, so that nobody can miss it: its lease says that it is there."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        cut_off = opening(REDIS_URL=f"127.0.0.1:{nobody.getsockname()[1]}")
        async with cut_off, opening(REDIS_URL=redis_server.address, WORKER="external") as web:
            turn = await web.send("[n:400 r:100]")
            reader = Reader(web, turn)
            page = await Follower(web, turn).open()
            await reader.ended()
            assert reader.text == text(400)
            # Each second, but for the first ones: 4 s of tokens.
            assert len(reader.at) >= 2
            assert len(page.shown) >= 2
