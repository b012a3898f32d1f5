"""Removes for good what was deleted, once nobody can have it back any more."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ChatError
from chatapp.services.conversations import Conversations

log = logging.getLogger(__name__)

#: What was deleted outlives its time by at most this.
PURGE_INTERVAL: Final = timedelta(minutes=1)


async def purge(conversations: Conversations) -> None:
    """Goes on until it is cancelled."""
    while True:
        try:
            if purged := await conversations.purge():
                log.info("purged %d deleted conversations", purged)
        except ChatError as error:
            log.error("deleted conversations could not be purged: %s", error.code)
        await asyncio.sleep(PURGE_INTERVAL.total_seconds())
