"""The one way in which this app speaks to a Redis."""

from datetime import timedelta
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

#: An answer takes less than a millisecond. A Redis that does not give one for so long is not there, for all
#: that anybody here can tell; what is asked of it has another way, which is better than to wait.
PATIENCE: Final = timedelta(seconds=1.5)

#: What calls raise while Redis is not there. RuntimeError is uvloop's word for a line that ended just before
#: it is written to ("the handler is closed"); the client knows only asyncio's own, and passes it on.
AWAY: Final = (RedisError, OSError, RuntimeError)


def connect(url: str) -> Redis:
    """A client, which connects when it is first used, and again after a failure. Whoever opens it closes it.

    A call takes `PATIENCE` at most for its connection and again for its answer; it is not tried twice, since
    nobody knows whether the first one was carried out. It raises one of `AWAY`.
    """
    patience = PATIENCE.total_seconds()
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  (its options have no types)
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
        client_name="chatapp",
    )


def channel_of(client: Redis, database: str) -> str:
    """The channel of an installation, by the name of its database: another one may share the Redis server.

    Channels know nothing of a server's numbered databases, so the number is in the name too.
    """
    untyped: Any = client
    return f"chatapp:{untyped.get_connection_kwargs()['db']}:{database}"
