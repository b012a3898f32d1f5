"""The tests' own Redis does what other tests rely on."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.redis import RedisServer


def test_it_comes_back_on_its_port(redis_server: RedisServer):
    """What was connected finds it again; what it held is lost."""
    redis_server.command("SET", "key", "value", "EX", 100)
    redis_server.kill()
    assert not redis_server.runs
    redis_server.start()
    assert redis_server.command("GET", "key") is None


def test_paused_it_accepts_and_does_not_answer(redis_server: RedisServer):
    """The fault that no error tells of."""
    client = redis.Redis(port=redis_server.port, socket_timeout=0.3, retry=Retry(NoBackoff(), 0))
    assert client.ping()
    redis_server.pause()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    redis_server.resume()
    assert redis_server.command("PING")
    client.close()


def test_keys_without_a_time_to_live_are_noticed(redis_server: RedisServer):
    """The fixture asks for them at the end of each test."""
    redis_server.command("SET", "for a while", "x", "EX", 100)
    assert redis_server.kept_for_ever() == []
    redis_server.command("SET", "for ever", "x")
    assert redis_server.kept_for_ever() == ["for ever"]
    redis_server.flush()
