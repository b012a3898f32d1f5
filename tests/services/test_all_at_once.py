"""Several tabs do whatever can be done to a few conversations at once: what is kept stays whole."""

import asyncio
import random

from chatapp.domain.errors import Conflict, Invalid, NotFound
from chatapp.domain.ids import new_id
from chatapp.domain.runs import Turn
from tests.chat import Chat, rows
from tests.databases import postgres_only
from tests.over_redis import web, worker
from tests.services.test_keeping import later
from tests.storage.indexed import assert_index_is_true
from tests.waiting import until

__all__ = ["web", "worker"]

DEEDS = 150
ON_A_TURN = ("edit", "again", "stop", "change", "remove", "move", "version", "around")
ON_A_CONVERSATION = ("clear", "unclear", "unclear", "delete", "restore", "restore", "purge")
#: What must not be there: a message whose parent is elsewhere, a branch that ends nowhere, a reply without
#: its run beside it, a run that has not ended, a log that was not compacted.
BROKEN = {
    "parents": """SELECT m.id FROM messages m LEFT JOIN messages p ON p.id = m.parent_id
        WHERE m.parent_id IS NOT NULL AND coalesce(p.conversation_key, 0) <> m.conversation_key""",
    "leaves": """SELECT c.id FROM conversations c LEFT JOIN messages m ON m.id = c.leaf_id
        WHERE c.leaf_id IS NOT NULL AND coalesce(m.conversation_key, 0) <> c.key""",
    "hidden": """SELECT c.id FROM conversations c JOIN messages m ON m.conversation_key = c.key
        WHERE c.leaf_id IS NULL""",
    "replies": """SELECT m.id FROM messages m LEFT JOIN runs r ON r.id = m.run_id
        WHERE m.role = 'assistant' AND (coalesce(r.message_id, '') <> m.id OR r.status <> m.status
            OR r.conversation_key <> m.conversation_key)""",
    "answers": """SELECT m.id FROM messages m LEFT JOIN messages u ON u.id = m.parent_id
        WHERE m.role = 'assistant' AND coalesce(u.role, '') <> 'user'""",
    "unfinished": "SELECT id FROM runs WHERE ended_at IS NULL UNION ALL SELECT run_id FROM run_events",
}


class Tabs:
    """What somebody has sent so far, and what they may do next."""

    def __init__(self, *chats: Chat) -> None:
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self._chats, self._chances = chats, random.Random(seed)
        self._turns: list[Turn] = []
        self._tokens: list[tuple[str, str]] = []

    @property
    def _chat(self) -> Chat:
        """Whichever process this comes in by."""
        return self._chances.choice(self._chats)

    async def act(self) -> None:
        """One deed, at some time; some come too late, and are refused."""
        await asyncio.sleep(self._chances.uniform(0, 1.5))
        if not self._turns or self._chances.random() < 0.3:
            to = f"c{self._chances.randrange(3)}"
            self._turns.append(await self._chat.send(f"{new_id()[:6]} [n:4 r:60]", to=to))
        elif self._chances.random() < 0.6:
            await self._on(self._chances.choice(self._turns[-8:]))
        else:
            await self._keep(f"c{self._chances.randrange(3)}")

    async def _on(self, turn: Turn) -> None:
        turns, who, asked = self._chat.services.turns, self._chat.who, turn.user_message_id
        match self._chances.choice(
            ["edit", "again", "stop", "change", "remove", "move", "version", "around"]
        ):
            case "edit":
                text, key = f"{new_id()[:6]} [n:4 r:60]", new_id()
                self._turns.append(await turns.edit(who, message_id=asked, text=text, client_key=key))
            case "again":
                again = turns.regenerate(who, message_id=turn.message_id, client_key=new_id())
                self._turns.append(await again)
            case "stop":
                await self._chat.stop(turn)
            case "change":
                await turns.change_queued(who, message_id=asked, text=f"{new_id()[:6]} [n:4 r:60]")
            case "remove":
                await turns.remove_queued(who, message_id=asked)
            case "move":
                await turns.move_queued(who, message_id=asked, place=self._chances.randrange(3))
            case "version":
                await self._chat.services.conversations.show_version(who, turn.message_id)
            case _:
                await self._chat.services.conversations.around(who, turn.conversation_id, turn.message_id)

    async def _keep(self, conversation_id: str) -> None:
        keep, who = self._chat.services.conversations, self._chat.who
        match self._chances.choice(ON_A_CONVERSATION):
            case "clear":
                self._tokens.append((conversation_id, await keep.clear(who, conversation_id)))
            case "unclear" if self._tokens:
                await keep.unclear(who, *self._chances.choice(self._tokens[-3:]))
            case "delete":
                await keep.delete(who, conversation_id)
            case "restore":
                await keep.restore(who, conversation_id)
            case _:
                await keep.purge(now=later() if self._chances.random() < 0.2 else None)


async def test_whatever_is_done_at_once_what_is_kept_is_whole(chat: Chat):
    """Each deed is done or refused, every reply ends, and no message is without its place in a tree."""
    await all_at_once(Tabs(chat), chat)


@postgres_only
async def test_so_it_is_with_several_processes(worker: Chat, web: Chat):
    """People come in by both; one makes the replies."""
    await all_at_once(Tabs(worker, web), web)


async def all_at_once(tabs: Tabs, chat: Chat) -> None:
    done = await asyncio.gather(*(tabs.act() for _ in range(DEEDS)), return_exceptions=True)
    strange = [one for one in done if one is not None and not isinstance(one, NotFound | Conflict | Invalid)]
    assert not strange, strange
    settings = chat.services.settings
    await until(lambda: not rows(settings, "SELECT 1 FROM runs WHERE ended_at IS NULL"), seconds=40)
    for what, query in BROKEN.items():
        assert rows(settings, query) == [], what
    assert_index_is_true(settings.database_url)
    assert rows(settings, "SELECT 1 FROM messages LIMIT 1")
