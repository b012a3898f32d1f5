"""How late the event loop is: everything else waits at least as long."""

import asyncio
from datetime import timedelta
from typing import Final

from chatapp.telemetry.metrics import Metrics

#: Often enough to catch what holds the loop up for a moment, and costs nothing.
PERIOD: Final = timedelta(milliseconds=500)


async def watch_loop(metrics: Metrics) -> None:
    """Asks to be woken, and sees when it is; runs until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PERIOD.total_seconds()
        await asyncio.sleep(PERIOD.total_seconds())
        metrics.loop_lagged(loop.time() - due)
