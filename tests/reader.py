"""A program that reads a run where it is not made."""

import asyncio
from itertools import pairwise
from time import monotonic

from chatapp.domain.events import Chunk, Done, Logged
from chatapp.domain.runs import Turn
from tests.chat import Chat


class Reader:
    """A program that reads a run in the process of this chat, and when what came."""

    def __init__(self, chat: Chat, turn: Turn) -> None:
        self.records: list[Logged] = []
        self.at: list[float] = []
        self._task = asyncio.create_task(self._read(chat, turn))

    async def _read(self, chat: Chat, turn: Turn) -> None:
        async for item in chat.services.runs.events(chat.who, turn.run_id):
            if isinstance(item, tuple):
                self.records.extend(item)
                self.at.append(monotonic())

    @property
    def text(self) -> str:
        return "".join(one.event.content for one in self.records if isinstance(one.event, Chunk))

    async def ended(self) -> None:
        async with asyncio.timeout(40):
            await self._task
        assert isinstance(self.records[-1].event, Done)
        assert [one.seq for one in self.records] == list(range(1, len(self.records) + 1))

    def longest_gap(self, since: float, until: float) -> float:
        """The longest time without a word between two moments."""
        inside = [since, *(at for at in self.at if since < at < until), until]
        return max(later - earlier for earlier, later in pairwise(inside))
