"""A program's socket on which nothing is said."""

import asyncio
from datetime import timedelta

import pytest

from chatapp.api.routes import socket as route
from tests.api.asgi import Peer, socket_scope, until
from tests.api.conftest import Serving
from tests.api.served import asgi_app


async def test_a_quiet_socket_is_closed_and_one_that_reads_is_not(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1000: whoever sleeps comes back when there is something to say."""
    monkeypatch.setattr(route, "IDLE", timedelta(seconds=0.3))
    async with serving(SCRIPTED_DELAY="0.1") as api:
        headers = {"authorization": f"Bearer {api.services.tokens.issue('Ann').token}"}
        app, quiet, reading = asgi_app(api.services), Peer(), Peer()
        reading.say('{"message": "say one two three four five six seven eight nine ten"}')
        async with asyncio.timeout(20), asyncio.TaskGroup() as sockets:
            for peer in (quiet, reading):
                scope = socket_scope(path="/ws/chat/quiet", query_string=b"", headers=headers)
                sockets.create_task(app(scope, peer.receive, peer.send))
            await until(lambda: quiet.close_code is not None)
            assert quiet.texts == []
            await until(lambda: '"type":"done"' in "".join(reading.texts), seconds=10)
            assert "".join(reading.texts).count('"type":"chunk"') > 5
            assert reading.close_code is None
        assert (quiet.close_code, reading.close_code) == (1000, 1000)
