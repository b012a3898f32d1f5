"""What a turn on the page asks of the database, and that a turn behind another is not forgotten for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast
from uuid import uuid4

import pytest

from tests.app_build import Build
from tests.app_server import AppServer, app_build, servers  # noqa: F401
from tests.ui.counting_app import ASKED
from tests.upstream import Upstream, text
from tests.wire import Tab, guest_cookie

PATH: Final = "/c/here"
SEND: Final = "reflex___state____state.chatapp___ui___chat____chat.send"
#: The walk up a branch, and the list of conversations.
BRANCH, LIST = "WITH RECURSIVE walk", "AS generating"


@pytest.fixture
async def server(
    app_build: Build,  # noqa: F811
    upstream: Upstream,
    tmp_path: Path,
) -> AsyncGenerator[AppServer]:
    settings = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API_KEY": "none"}
    with servers(app_build, tmp_path) as start:
        yield await asyncio.to_thread(start, "tests.ui.counting_app:app", **settings)


@asynccontextmanager
async def opened(server: AppServer) -> AsyncGenerator[Tab]:
    """A tab that shows a conversation; its follower has done what it does at first."""
    async with Tab.opened(server.url, cookie=guest_cookie(server.url)) as tab:
        await tab.join(path=PATH)
        await tab.quiet_for(1)
        yield tab


async def say(tab: Tab, words: str) -> None:
    said = {"key": uuid4().hex, "conversation_id": "here", "text": words, "model": "openai:mock"}
    await tab.emit(SEND, said, path=PATH)


def shown(tab: Tab) -> str:
    return "".join(tab.var("live____live", f"t{level}") for level in (5, 4, 3, 2, 1, 0))


def is_whole(tab: Tab, tokens: int) -> bool:
    return tab.var("now", "status") == "complete" and shown(tab) == text(tokens)


def is_listed_as_done(tab: Tab) -> bool:
    return [item["generating"] for item in tab.var("side", "top")] == [False]


async def asked(server: AppServer) -> list[str]:
    answer = await asyncio.to_thread(server.get, ASKED)
    return cast("list[str]", answer.json())


async def test_a_turn_reads_the_conversation_once_and_the_list_twice(server: AppServer) -> None:
    """With the send; the worker reads the branch once more, for the model. The list is read again when the
    reply has ended: what was shown of that is all there is to show."""
    async with opened(server) as tab:
        for tokens in (5, 30):
            before = len(await asked(server))
            await say(tab, f"[n:{tokens} r:100]")
            await tab.until(lambda: not is_listed_as_done(tab))
            await tab.until(lambda tokens=tokens: is_whole(tab, tokens) and is_listed_as_done(tab))
            await tab.quiet_for(1)
            statements = (await asked(server))[before:]
            assert sum(one.startswith(BRANCH) for one in statements) == 2
            assert sum(LIST in one for one in statements) == 2


async def test_a_turn_that_waited_is_shown_when_its_time_has_come(server: AppServer) -> None:
    """The end of the reply before it is more than that where something waits behind it."""
    async with opened(server) as tab:
        await say(tab, "[n:60 r:100]")
        await tab.until(lambda: shown(tab) != "")
        await say(tab, "[n:20 r:100]")
        await tab.until(lambda: [one["text"] for one in tab.var("chat", "queue")] == ["[n:20 r:100]"])
        await tab.until(lambda: tab.var("chat", "queue") == [])
        await tab.until(lambda: is_whole(tab, 20) and is_listed_as_done(tab))
        said = [row["text"] for row in tab.var("chat", "tail")]
        assert said == ["[n:20 r:100]", ""]
