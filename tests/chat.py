"""Opened services as one person uses them: what most tests of the engine and the services begin with."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatapp.bootstrap import Services, open_services
from chatapp.domain.accounts import Principal
from chatapp.domain.fold import Snapshot
from chatapp.domain.ids import new_id
from chatapp.domain.messages import Message
from chatapp.domain.runs import Turn
from chatapp.services.following import Progress
from chatapp.settings import Settings
from tests import databases
from tests.storage.made import principal
from tests.upstream import Record, Upstream


class Chat:
    """One person's view of opened services."""

    def __init__(self, services: Services, upstream: Upstream, *, who: Principal | None = None) -> None:
        self.services = services
        self.upstream = upstream
        self.who = who or principal()

    def of(self, name: str) -> "Chat":
        """The same services, used by somebody else."""
        return Chat(self.services, self.upstream, who=principal(name))

    async def send(
        self, text: str, *, to: Turn | str | None = None, key: str | None = None, model: str = ""
    ) -> Turn:
        """Sends to the conversation of a turn, or with this id, or to a new one."""
        return await self.services.turns.send(
            self.who,
            conversation_id=to.conversation_id if isinstance(to, Turn) else to,
            text=text,
            client_key=key or new_id(),
            model=model,
        )

    async def stop(self, turn: Turn) -> None:
        """Presses Stop."""
        await self.services.turns.stop(self.who, message_id=turn.message_id)

    async def snapshots(self, conversation: Turn | str) -> list[Snapshot]:
        """What the page would show now."""
        wanted = conversation.conversation_id if isinstance(conversation, Turn) else conversation
        window = await self.services.conversations.window(self.who, wanted)
        return list(window.snapshots)

    async def messages(self, conversation: Turn | str) -> list[Message]:
        """The messages of the branch that is shown."""
        return [snapshot.message for snapshot in await self.snapshots(conversation)]

    async def reply(self, turn: Turn) -> Message:
        """The turn's reply as it is now."""
        shown = await self.messages(turn)
        return next(message for message in shown if message.id == turn.message_id)

    async def when(
        self, turn: Turn, condition: Callable[[Message], object], *, seconds: float = 10
    ) -> Message:
        """The turn's reply as soon as the condition holds."""
        async with asyncio.timeout(seconds):
            while not condition(message := await self.reply(turn)):  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.01)
        return message

    async def ended(self, turn: Turn, *, seconds: float = 10) -> Message:
        """The turn's reply, once it has ended."""
        return await self.when(turn, lambda message: message.status.is_final, seconds=seconds)

    async def has_text(self, turn: Turn, *, chars: int = 1) -> Message:
        """The turn's reply, once somebody could read so much of it."""
        return await self.when(turn, lambda message: len(message.text) >= chars)

    def request(self, name: str) -> Record:
        """The upstream's last request with this `id:` knob."""
        return [record for record in self.upstream.requests if record.knobs.id == name][-1]


class Follower:
    """A reader as the page is one: it listens, then loads, then folds in what it hears."""

    def __init__(self, chat: Chat, turn: Turn) -> None:
        self._chat, self._turn = chat, turn
        self._early: list[Progress] = []
        self.snapshot: Snapshot | None = None
        self.shown: list[str] = []
        self.close: Callable[[], None] = lambda: None

    async def open(self) -> "Follower":
        """Watch first, then read the window."""
        watch = await self._chat.services.following.watch(
            self._chat.who, self._turn.conversation_id, self._hear
        )
        self.close = watch.close
        snapshots = await self._chat.snapshots(self._turn)
        found = next(one for one in snapshots if one.message.id == self._turn.message_id)
        self._show(found)
        for progress in self._early:
            self._show(self.snapshot.after(progress.records) if self.snapshot else found)
        return self

    def _hear(self, notice: object) -> None:
        if isinstance(notice, Progress) and notice.message_id == self._turn.message_id:
            if self.snapshot is None:
                self._early.append(notice)
            else:
                self._show(self.snapshot.after(notice.records))

    def _show(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.shown.append(snapshot.message.text)

    @property
    def ended(self) -> bool:
        """Whether it was told that the reply is at its end."""
        return self.snapshot is not None and self.snapshot.message.status.is_final


def rows(settings: Settings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the database holds, asked past the product; `?` stands for a value."""
    return databases.rows(settings.database_url, query, *values)


@contextmanager
def locked(settings: Settings) -> Generator[None]:
    """Another program, a backup say, holds the lock that each write needs."""
    with databases.locked(settings.database_url):
        yield


Opening = Callable[..., AbstractAsyncContextManager[Chat]]


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
def opening(upstream: Upstream, settings_with: Callable[..., Settings], tmp_path: Path) -> Opening:
    """Opens the services on the test's own data folder; as often as one likes, one after the other."""

    @asynccontextmanager
    async def opened(**variables: str) -> AsyncGenerator[Chat]:
        settings = settings_with(**{"OPENAI_BASE_URL": upstream.base_url, "LOCAL_MODEL": "off"} | variables)
        databases.make_schema(settings.database_url)
        async with open_services(settings) as services:
            yield Chat(services, upstream)

    return opened


@pytest.fixture
async def chat(opening: Opening) -> AsyncGenerator[Chat]:
    """Opened services with the default settings."""
    async with opening() as opened:
        yield opened
