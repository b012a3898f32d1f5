"""The six screens that are judged by eye and by axe, each made by use: nothing in them is painted on."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from playwright.async_api import expect

from chatapp.domain.scripts import spaced
from tests.app_server import AppServer
from tests.e2e.saying import Say
from tests.e2e.screen import Screen
from tests.e2e.visitor import Visitor

SHORT: Final = """Both are excellent; the difference is where they live.

- **SQLite** is a library: the database is one file beside your program.
- **PostgreSQL** is a server: many programs on many machines share it.

Start with SQLite, and move when a second machine has to write."""

TECHNICAL: Final = r"""## Exponential backoff with jitter

After the $n$-th failure, wait a random time below a bound that doubles:

$$
t_n \sim U\!\left(0,\ \min(t_{\max},\ t_0 \cdot 2^{n})\right)
$$

```python
async def retry(call, *, tries=5, base=0.5, longest=30.0):
    for attempt in range(tries):
        try:
            return await call()
        except ConnectionError:
            if attempt == tries - 1:
                raise
            await asyncio.sleep(random.uniform(0, min(longest, base * 2**attempt)))
```

```mermaid
flowchart LR
    A[Call] -->|fails| B{Tries left?}
    B -->|yes| C[Wait]
    C --> A
    B -->|no| D[Raise]
```

| Strategy | Mean wait | Load on the server |
|---|---:|---|
| Fixed, 1 s | 1 s | all clients in step |
| Exponential | 16 s | all clients in step |
| With full jitter | 8 s | spread evenly |

Honour `Retry-After` when the server sends it, and bound the *whole* time: a person is waiting"""

TITLES: Final = (
    "Exponential backoff with jitter", "A weekend in Lisbon with two children", "Why is my Dockerfile slow?",
    "Letter to the landlord", "Explain quantum computing in simple terms", "SQL: the newest row of a group",
    "Names for a grey cat", "Sourdough that does not rise", "Rust or Go for a small proxy?",
    "Summary of the meeting notes", "Regular expression for IBAN", "Gift ideas under 30 euros",
    "What does this stack trace mean?", "Plan a week of simple dinners", "Translate the warranty terms",
    "Kalman filter, step by step", "Haiku about the first frost", "Unit tests for a date parser",
    "Compare three heat pumps", "Excel formula for working days",
)  # fmt: skip


async def empty(screen: Screen, say: Say, server: AppServer) -> None:
    """The page of somebody who has just come."""
    await expect(screen.page.get_by_role("region", name="Welcome")).to_be_visible()


async def short(screen: Screen, say: Say, server: AppServer) -> None:
    """A question and its answer."""
    await screen.asks(say(SHORT, asked="SQLite or PostgreSQL for a small team's app?"))
    await expect(screen.reply.get_by_role("listitem")).to_have_count(2)


async def technical(screen: Screen, say: Say, server: AppServer) -> None:
    """A long answer of every kind of block, while it streams."""
    tokens = [TECHNICAL[at : at + 4] for at in range(0, len(TECHNICAL), 4)]
    asked = "How should clients retry when a server is overloaded?"
    # It hangs after its last word: whoever looks finds it streaming.
    await screen.sends(say(*tokens, asked=asked, r=150, fault="hang", at=len(tokens)))
    await expect(screen.reply).to_contain_text("a person is waiting", timeout=20_000)
    await expect(screen.reply.locator("[data-streamdown=mermaid] img")).to_be_visible()
    await expect(screen.reply.locator(".katex").first).to_be_attached()


async def crowded(screen: Screen, say: Say, server: AppServer) -> None:
    """Forty conversations of the last months."""
    await short(screen, say, server)
    await asyncio.to_thread(_age, server.data_dir, screen.conversation_id)
    await screen.page.reload()
    await screen.is_online()
    await expect(screen.reply.get_by_role("listitem")).to_have_count(2)
    await expect(screen.log).to_have_css("opacity", "1")
    if not await screen.sidebar.is_visible():
        await screen.button("Show the list").click()
        await expect(screen.sidebar).to_be_visible()
    await expect(screen.sidebar.get_by_role("link")).to_have_count(41)


async def broken(screen: Screen, say: Say, server: AppServer) -> None:
    """A reply that was stopped, and one whose server failed in the middle."""
    words = [f"{word} " for word in SHORT.split(" ")]
    await screen.sends(say(*words, asked="Tell me about SQLite and PostgreSQL.", r=15))
    await expect(screen.reply).to_contain_text("difference")
    await screen.button("Stop").click()
    await screen.reply_is("stopped")
    words = [f"{word} " for word in TECHNICAL.partition("$$")[0].split(" ")]
    await screen.sends(say(*words, asked="And how should clients retry?", fault="error", at=9))
    await screen.reply_is("failed")


async def offline(screen: Screen, say: Say, server: AppServer) -> None:
    """The network is gone, and something was written and sent meanwhile."""
    await short(screen, say, server)
    await screen.page.context.set_offline(True)
    await expect(screen.connection).to_have_attribute("data-connection", "offline")
    await screen.sends("Then how do I move the data?")
    await screen.writes("And what about backups")
    await expect(screen.page.locator("p", has_text="You are offline")).to_have_css("opacity", "1")
    await expect(screen.page.get_by_text("You are offline.")).to_be_visible()


Scene = Callable[[Screen, Say, AppServer], Awaitable[None]]

SCENES: Final[Mapping[str, Scene]] = MappingProxyType(
    {scene.__name__: scene for scene in (empty, short, technical, crowded, broken, offline)}
)


async def opened(visitor: Visitor, scene: str, say: Say, server: AppServer) -> Screen:
    """A tab that shows the scene."""
    screen = await visitor.opens()
    await SCENES[scene](screen, say, server)
    return screen


def _age(data_dir: Path, conversation_id: str) -> None:
    """Forty copies of a conversation's row, of the same owner, each some days older than the one before."""
    now = datetime.now(UTC)
    with closing(sqlite3.connect(data_dir / "chatapp.db", timeout=10)) as database, database:
        database.create_function("search_words", 1, spaced)
        columns = [row[1] for row in database.execute("PRAGMA table_info(conversations)") if row[1] != "key"]
        row = database.execute(
            f"SELECT {', '.join(columns)} FROM conversations WHERE id = ?",
            (conversation_id,),
        ).fetchone()
        for number in range(40):
            at = (now - timedelta(days=number * number / 9, minutes=5)).strftime("%Y-%m-%d %H:%M:%S.%f")
            values = dict(zip(columns, row, strict=True)) | {
                "id": f"{number:032x}", "title": TITLES[number % len(TITLES)], "leaf_id": None,
                "created_at": at, "updated_at": at,
            }  # fmt: skip
            marks = ", ".join(f":{name}" for name in columns)
            database.execute(f"INSERT INTO conversations ({', '.join(columns)}) VALUES ({marks})", values)
