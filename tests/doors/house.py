"""A running app with everything a hostile client might leave behind in view."""

import asyncio
import inspect
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

from reflex_base.registry import RegistrationContext

import chatapp.chatapp  # noqa: F401  (registers every handler there is)
from chatapp.ui.gate import callable_by_browsers
from tests.app_server import AppServer
from tests.doors.inspected_app import WINDOW
from tests.waiting import until
from tests.wire import Tab, guest_cookie

CHAT: Final = "reflex___state____state.chatapp___ui___chat____chat"
#: What is not a client's: the server's own tasks come and go.
NOISE: Final = frozenset({"asyncio_tasks"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Handler:
    """One that browsers may call, and the names of its arguments."""

    name: str
    arguments: tuple[str, ...]


def handlers() -> list[Handler]:
    """Every handler that a browser may name, from the registry itself: a new one is attacked as well."""
    registered = RegistrationContext.ensure_context().event_handlers
    return [
        Handler(name=name, arguments=tuple(inspect.signature(one.handler.fn).parameters)[1:])
        for name, one in sorted(registered.items())
        if callable_by_browsers(name)
    ]


def all_names() -> list[str]:
    """Every name in the registry."""
    return sorted(RegistrationContext.ensure_context().event_handlers)


class House:
    """A server, and what it keeps."""

    def __init__(self, server: AppServer) -> None:
        self.server = server

    @property
    def url(self) -> str:
        return self.server.url

    def inside(self) -> dict[str, int]:
        """What is in memory, counted."""
        counts = cast("dict[str, int]", self.server.get(WINDOW).json())
        return {name: count for name, count in counts.items() if name not in NOISE}

    def rows(self) -> dict[str, int]:
        """The number of rows of every table."""
        with closing(self._database()) as database:
            tables = [
                row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            return {
                table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
            }

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that people own, as stored."""
        with closing(self._database()) as database:
            names = ("accounts", "logins", "conversations", "messages", "runs", "feedback")
            rows = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}
            # A login whose time is over goes by itself, once a minute.
            running = database.execute("SELECT * FROM logins WHERE expires_at > datetime('now')")
            rows["logins"] = running.fetchall()
            return {name: sorted(found, key=repr) for name, found in rows.items()}

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What is stored, behind the app's back."""
        with closing(self._database()) as database:
            return database.execute(statement, values).fetchall()

    def change(self, statement: str, *values: Any) -> None:
        """A change behind the app's back."""
        with closing(self._database()) as database, database:
            database.execute(statement, values)

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.server.data_dir / "chatapp.db", timeout=10)

    @asynccontextmanager
    async def guest(self, cookie: str | None = None, **more: Any) -> AsyncGenerator[Tab]:
        """A guest's tab that was let in and has its state."""
        async with Tab.opened(self.url, cookie=cookie or guest_cookie(self.url), **more) as tab:
            await tab.join()
            yield tab

    async def is_alive(self) -> bool:
        """Whether a newcomer is served as ever."""
        async with self.guest() as tab:
            return await tab.answers()

    async def at_rest(self) -> None:
        """Returns when no reply is being made: who came before may have left one."""
        await until(
            lambda: not self.ask("SELECT 1 FROM runs WHERE status IN ('queued', 'streaming')"), seconds=40
        )

    async def settled(self, before: dict[str, int], seconds: float = 10) -> dict[str, int]:
        """What is in memory once it is as before, or after a while."""
        return await _settled(self.inside, before, seconds)


async def _settled(
    look: Callable[[], dict[str, int]], before: dict[str, int], seconds: float
) -> dict[str, int]:
    for _ in range(int(seconds / 0.1)):
        if (now := look()) == before:
            return now
        await asyncio.sleep(0.1)
    return look()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What somebody sent, and the ids that a stranger may have learnt."""

    cookie: str
    token: str
    text: str
    conversation_id: str
    ids: tuple[str, ...]


async def send(house: House, text: str, *, cookie: str | None = None) -> Sent:
    """A guest sends a message and gets its reply."""
    cookie, token, conversation_id = cookie or guest_cookie(house.url), str(uuid4()), uuid4().hex
    before = {row[0] for table in ("messages", "runs") for row in house.content()[table]}
    async with Tab.opened(house.url, cookie=cookie, token=token) as tab:
        await tab.join()
        payload = {"key": uuid4().hex, "conversation_id": conversation_id, "text": text, "model": ""}
        await tab.emit(f"{CHAT}.send", payload)
        await tab.until(lambda: bool(tab.var("chat", "acked") or tab.var("chat", "refused")["message"]))
        assert not tab.var("chat", "refused")["message"], tab.var("chat", "refused")
    deadline = asyncio.get_running_loop().time() + 20
    # Others may have left replies that are still being made.
    while unfinished := [
        row
        for row in house.content()["messages"]
        if row[0] not in before and {"queued", "streaming"} & set(map(str, row))
    ]:
        assert asyncio.get_running_loop().time() < deadline, unfinished
        await asyncio.sleep(0.1)
    rows = house.content()
    ids = [row[0] for table in ("messages", "runs") for row in rows[table] if row[0] not in before]
    return Sent(
        cookie=cookie, token=token, text=text, conversation_id=conversation_id, ids=(conversation_id, *ids)
    )
