"""Removes for good what nobody can have back any more, and what nobody needs any longer."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ChatError
from chatapp.services.accounts import Accounts
from chatapp.services.conversations import Conversations
from chatapp.services.erasing import Erasing

log = logging.getLogger(__name__)

#: What was deleted outlives its time by at most this.
PURGE_INTERVAL: Final = timedelta(minutes=1)
#: What cannot go yet, since a reply in it is being stopped, is looked at again after this.
AGAIN: Final = timedelta(seconds=1)


async def purge(conversations: Conversations, erasing: Erasing, accounts: Accounts) -> None:
    """Goes on until it is cancelled. What an earlier process began is finished first."""
    while True:
        pause = PURGE_INTERVAL
        try:
            if not await erasing.purge():
                pause = AGAIN
            if purged := await conversations.purge():
                log.info("purged %d deleted conversations", purged)
            if purged := await accounts.purge():
                log.info("purged %d old logins and security events", purged)
        except ChatError as error:
            log.error("what is over could not be purged: %s", error.code)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause.total_seconds()):
                await erasing.wanted.wait()
